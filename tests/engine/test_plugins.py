"""Families come through one door; a broken one is known and harmless."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from secaudit.plugins import Registry, discover


def write_plugin(directory: Path, name: str, text: str) -> None:
    package = directory / name
    package.mkdir()
    (package / "__init__.py").write_text(text)


@pytest.fixture(autouse=True)
def forget_plugins() -> object:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith("secaudit."):
            del sys.modules[name]
    return None


def test_builtin_families_are_installed_through_the_same_entry_points(registry: Registry) -> None:
    builtin = {"backup", "firewall", "host", "network", "patch", "resilience"}

    assert builtin | {"acme"} == set(registry.families)
    assert not registry.broken
    assert all(registry.families[name].package == f"secaudit.checks.{name}" for name in builtin)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("this is no python", "SyntaxError"),
        ("FAMILY = 3", "TypeError: 3 is not a Family"),
        ("", "AttributeError"),
        ("import sys; sys.exit(3)", "SystemExit"),
    ],
)
def test_a_broken_plugin_is_recorded_and_the_others_load(tmp_path: Path, text: str, reason: str) -> None:
    write_plugin(tmp_path, "wreck", text)

    found = discover([tmp_path])

    assert reason in found.broken["wreck"]
    assert "network" in found.families


def test_a_plugin_cannot_take_another_familys_name(tmp_path: Path) -> None:
    write_plugin(tmp_path, "network", "from secaudit.api import Family\nFAMILY = Family('network', 'x', 'x', (), ())")

    found = discover([tmp_path])

    assert "there is another family" in found.broken["network"]
    assert found.families["network"].package == "secaudit.checks.network"


def test_a_plugin_cannot_shadow_a_loaded_module(tmp_path: Path) -> None:
    write_plugin(tmp_path, "json", "FAMILY = None")

    found = discover([tmp_path])

    assert "is loaded already" in found.broken["json"]


def test_a_directory_can_be_searched_twice(tmp_path: Path) -> None:
    write_plugin(tmp_path, "again", "from secaudit.api import Family\nFAMILY = Family('again', 'x', 'x', (), ())")

    assert discover([tmp_path]).families["again"] is discover([tmp_path]).families["again"]


def test_every_check_of_the_product_is_documented(registry: Registry) -> None:
    pages = {check.id: registry.families[check.family].page(check) for check in registry.checks.values()}
    missing = [name for name, page in pages.items() if not page and not name.startswith("acme.")]

    assert not missing
