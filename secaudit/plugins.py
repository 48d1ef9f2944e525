"""Finding families of checks, through entry points and in plugin directories; a broken one is recorded."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from secaudit.api import Check, Collector, Family, Reference

GROUP = "secaudit.families"
"""The entry-point group; an entry is called like its family and names a `Family`."""


@dataclass(frozen=True, slots=True)
class Registry:
    """All families that could be loaded, and why the others could not (family name → reason)."""

    families: Mapping[str, Family]
    broken: Mapping[str, str]
    checks: Mapping[str, Check] = field(init=False)
    collectors: Mapping[type, Collector[Any]] = field(init=False)
    references: Mapping[type, Reference[Any]] = field(init=False)

    def __post_init__(self) -> None:
        checks = {found.id: found for family in self.families.values() for found in family.checks}
        collectors = {found.fact: found for family in self.families.values() for found in family.collectors}
        references = {found.fact: found for family in self.families.values() for found in family.references}
        object.__setattr__(self, "checks", checks)
        object.__setattr__(self, "collectors", collectors)
        object.__setattr__(self, "references", references)


def discover(directories: Iterable[Path] = ()) -> Registry:
    """Load every installed family, and every package in `directories` that defines `FAMILY`.

    A family that raises while it loads, is not a `Family`, or has the name of one that is there already ends in
    `broken` under its entry point's name, so that controls which name its checks become unproven with that reason.
    """
    families: dict[str, Family] = {}
    broken: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        _load(entry.name, entry.load, families, broken)
    for directory in directories:
        for package in sorted(path.parent for path in directory.glob("*/__init__.py")):
            _load(package.name, lambda package=package: _import_from(package).FAMILY, families, broken)
    return Registry(families, broken)


def _load(name: str, load: Any, families: dict[str, Family], broken: dict[str, str]) -> None:
    try:
        family = load()
        if not isinstance(family, Family):
            raise TypeError(f"{family!r} is not a Family")
        if family.name != name:
            raise ValueError(f"the family is called {family.name!r}, its entry {name!r}")
        if name in families:
            raise ValueError(f"there is another family {name!r} in {families[name].package}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        broken[name] = f"plugin {name!r} could not be loaded: {type(error).__name__}: {error}"
    else:
        families[name] = family


def _import_from(package: Path) -> Any:
    name = package.name
    file = package / "__init__.py"
    loaded = sys.modules.get(name)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == str(file):
            return loaded
        raise ImportError(f"another module {name!r} is loaded already; give the plugin another name")
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(package)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is not an importable package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
