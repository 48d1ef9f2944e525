"""Whatever stands in a file: it is loaded, or refused with ConfigError, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secaudit.config.baseline import BaselineLibrary
from secaudit.config.errors import ConfigError
from secaudit.config.feeds import load_feed_sources
from secaudit.config.inventory import load_inventory
from secaudit.config.schedule import load_schedules
from secaudit.model.safe_text import visible
from tests.config.conftest import CHECKS

VALID: dict[str, str] = {
    "inventory": """
        customer: {id: a, name: A, language: de}
        sites:
          s:
            defaults: {ssh: {user: u, jump: [b], identity: ~/k}, baselines: [x], tags: [t]}
            hosts:
              h: {address: 10.0.0.1, ssh: {port: 22, password: {env: E}, sudo_password: {command: [a, b]}}}
              l: {transport: local, baselines: x}
        """,
    "baseline": """
        baseline: b
        version: 1
        title: T
        extends: []
        parameters: {nets: [10.0.0.0/8], age: 2d}
        controls:
          p: {check: demo.ports, severity: high, expect: {tcp: {22: {from: "{{nets}}"}, 80: any}}}
          a: {check: demo.age, expect: {max_age: "{{age}}"}, references: {x: [y]}, remediation: "do {{age}}"}
        """,
    "schedule": """
        schedule: n
        cron: 0 2 * * *
        timezone: UTC
        inventory: .
        customers: [a]
        fail_on: high
        """,
    "feeds": """
        mirror: https://mirror.example/feeds
        feeds:
        - {url: "https://feeds.example/x", name: x.json, expires: "2027-03-31", sha256: ""}
        """,
}

LOADERS: dict[str, Callable[[Path], object]] = {
    "inventory": load_inventory,
    "baseline": lambda path: BaselineLibrary().resolve([str(path)], CHECKS, {}),
    "schedule": load_schedules,
    "feeds": load_feed_sources,
}

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["remove", "{{nets}}", "../x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below the top."""
    keys = list(data) if isinstance(data, dict) else list(range(len(data))) if isinstance(data, list) else []
    return [(*path, key) for key in keys] + [found for key in keys for found in places(data[key], (*path, key))]


@st.composite
def changed_documents(draw: st.DrawFn, valid: str) -> str:
    """A valid document of which a value or a key was replaced by anything."""
    data = yaml.safe_load(valid)
    *above, last = draw(st.sampled_from(places(data)))
    parent = data
    for key in above:
        parent = parent[key]
    if isinstance(last, str) and draw(st.booleans()):
        parent[draw(st.text(max_size=10))] = parent.pop(last)
    else:
        parent[last] = draw(ANYTHING)
    return json.dumps(data, allow_nan=False) if draw(st.booleans()) and _finite(data) else yaml.safe_dump(data)


def _finite(data: object) -> bool:
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return False
    return True


@st.composite
def changed_texts(draw: st.DrawFn, valid: str) -> bytes:
    """The bytes of a valid document with a piece cut out and another put in."""
    raw = valid.encode()
    start = draw(st.integers(0, len(raw)))
    end = draw(st.integers(start, min(len(raw), start + 12)))
    return raw[:start] + draw(st.binary(max_size=6)) + raw[end:]


def load_or_refuse(kind: str, raw: bytes, folder: Path) -> None:
    path = folder / f"{kind}.yaml"
    path.write_bytes(raw)
    refused = None
    try:
        LOADERS[kind](path)
    except ConfigError as error:
        refused = str(error)
    assert refused is None or refused == visible(refused)


@pytest.mark.parametrize("kind", LOADERS)
def test_the_samples_are_valid(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(VALID[kind])
    assert LOADERS[kind](path)


@pytest.mark.parametrize("kind", LOADERS)
@given(data=st.data())
def test_any_value_in_any_place(tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject) -> None:
    text = data.draw(changed_documents(VALID[kind]))
    load_or_refuse(kind, text.encode("utf-8", "replace"), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", LOADERS)
@given(data=st.data())
def test_any_bytes_in_any_place(tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject) -> None:
    load_or_refuse(kind, data.draw(changed_texts(VALID[kind])), tmp_path_factory.getbasetemp())
