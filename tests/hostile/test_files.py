"""The files that people write, every text in them an attack: what is shown of them, and what errors quote, is inert."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secaudit.cli.main import run
from tests.hostile.scenes import FORBIDDEN, WRITTEN

COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inventory/example.yaml": (
        ("inventory", "validate", "inventory"),
        ("inventory", "list", "inventory"),
        ("inventory", "list", "inventory", "--json"),
    ),
    "contracts/example.yaml": (
        ("contract", "validate", "contracts"),
        ("contract", "show"),
        ("contract", "show", "--json"),
    ),
    "schedules/nightly.yaml": (("schedule", "list"),),
    "waivers/example.yaml": (("waivers", "list"), ("waivers", "check")),
    "delivery/example.yaml": (("deliver",),),
    "trackers/example.yaml": (("tracker", "list"),),
    "baselines/example-web.yaml": (
        ("baseline", "validate", "baselines/example-web.yaml"),
        ("baseline", "show", "baselines/example-web.yaml"),
        ("baseline", "show", "baselines/example-web.yaml", "--json"),
    ),
}


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts, and of all keys (ending with None)."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key, None)
            yield from leaves(value, (*path, key))
    elif isinstance(document, list):
        for at, value in enumerate(document):
            yield from leaves(value, (*path, at))
    elif isinstance(document, str):
        yield path


def poisoned(document: Any, path: tuple[Any, ...]) -> Any:
    """A copy with the attack in one place."""
    changed = copy.deepcopy(document)
    here = changed
    *way, last = path
    if last is None:
        *way, last = way
        for step in way:
            here = here[step]
        here[WRITTEN] = here.pop(last)
        return changed
    for step in way:
        here = here[step]
    here[last] = WRITTEN
    return changed


@pytest.mark.parametrize("name", COMMANDS)
def test_no_text_of_a_file_is_obeyed(
    tmp_path: Path, evil_store: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SECAUDIT_STORE", str(evil_store))
    assert run(["init", "."]) == 0
    document = yaml.safe_load((tmp_path / name).read_text())
    for path in leaves(document):
        (tmp_path / name).write_text(yaml.safe_dump(poisoned(document, path), allow_unicode=False))
        for command in COMMANDS[name]:
            capsys.readouterr()
            code = run(list(command))
            shown = capsys.readouterr()
            told = shown.out + shown.err
            assert code != 4, (path, command, told)
            assert not FORBIDDEN & set(told), (path, command, told)
