"""A family: a package of facts, collectors and checks that belong together; the unit that a plugin provides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module, resources
from types import ModuleType
from typing import Any

from secaudit.api.check import Check
from secaudit.api.collector import Collector
from secaudit.api.panel import HostPanel
from secaudit.api.reference import Reference
from secaudit.api.section import ChangeSection, ReportSection


@dataclass(frozen=True, slots=True)
class Family:
    """What a plugin's entry point in the group `secaudit.families` names. `name` is the prefix of its check ids."""

    name: str
    title: str
    package: str
    checks: tuple[Check, ...]
    collectors: tuple[Collector[Any], ...]
    references: tuple[Reference[Any], ...] = ()
    sections: tuple[ReportSection, ...] = ()
    changes: tuple[ChangeSection, ...] = ()

    def panels(self) -> tuple[HostPanel, ...]:
        """What the package's module `panel` declares for the dashboard; none when there is no such module.

        It is imported here and not before. Raises whatever that raises.
        """
        if not resources.files(self.package).joinpath("panel.py").is_file():
            return ()
        return tuple(_declared(import_module(f"{self.package}.panel"), HostPanel))

    def page(self, check: Check) -> str | None:
        """The Markdown page of a check from the package's `docs/` folder, or None when there is none."""
        page = resources.files(self.package).joinpath("docs", f"{check.slug}.md")
        return page.read_text(encoding="utf-8") if page.is_file() else None


def load_family(package: str, *, title: str, modules: Iterable[str] = ("collect", "checks")) -> Family:
    """Build the family of `package` (its dotted name; pass `__name__` in its `__init__`) from its modules.

    Every `Check`, `Collector`, `Reference`, `ReportSection` and `ChangeSection` at the top of the named modules belongs
    to it. The family is called like the last part of the package name. Raises ValueError when a check id has another
    prefix, or two share one id or fact.
    """
    name = package.rpartition(".")[2]
    loaded = [import_module(f"{package}.{module}") for module in modules]
    checks = tuple(dict.fromkeys(found for module in loaded for found in _declared(module, Check)))
    collectors = tuple(dict.fromkeys(found for module in loaded for found in _declared(module, Collector)))
    references = tuple(dict.fromkeys(found for module in loaded for found in _declared(module, Reference)))
    for found in checks:
        if found.family != name:
            raise ValueError(f"check {found.id} stands in family {name}")
    _refuse_twins([found.id for found in checks], "check")
    _refuse_twins([found.fact.__name__ for found in (*collectors, *references)], "collector or reference of")
    sections = tuple(dict.fromkeys(found for module in loaded for found in _declared(module, ReportSection)))
    changes = tuple(dict.fromkeys(found for module in loaded for found in _declared(module, ChangeSection)))
    return Family(name, title, package, checks, collectors, references, sections, changes)


def _declared(module: ModuleType, kind: type[Any]) -> list[Any]:
    return [value for value in vars(module).values() if isinstance(value, kind)]


def _refuse_twins(names: list[str], what: str) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"more than one {what} {', '.join(twins)}")
