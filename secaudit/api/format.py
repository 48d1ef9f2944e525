"""Output formats and reports to customers: what entry points in `secaudit.formats` and `secaudit.reports` name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secaudit.model.phrasebook import Phrasebook

if TYPE_CHECKING:
    # What only one kind of report is made of, and no scan has a use for.
    from secaudit.model.fleet import FleetRecord
    from secaudit.model.month import MonthRecord
    from secaudit.model.run import RunReport
    from secaudit.model.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Speech:
    """A language, and what `checks` and `sections` of families say in it."""

    language: str
    checks: Phrasebook = field(default_factory=Phrasebook)
    sections: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a run down. `render` is a pure function of the report; the same report gives the same bytes.

    `sections` says that it shows what families add about each host, which costs time to compute. One that people read
    may do so in other `languages` too, by `render_in`; data are in English.
    """

    name: str
    filename: str
    render: Callable[[RunReport], bytes]
    sections: bool = False
    languages: tuple[str, ...] = ("en",)
    render_in: Callable[[RunReport, Speech], bytes] | None = None


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """A report on a customer's month, as an HTML page in one of `languages`. `render` is a pure function of both."""

    name: str
    languages: tuple[str, ...]
    render: Callable[[MonthRecord, str], bytes]


@dataclass(frozen=True, slots=True)
class FleetReport:
    """A report on all customers for the provider itself, like `CustomerReport`."""

    name: str
    languages: tuple[str, ...]
    render: Callable[[FleetRecord, str], bytes]


@dataclass(frozen=True, slots=True)
class ShelfPage:
    """The index of a customer's reports, like `CustomerReport`."""

    name: str
    languages: tuple[str, ...]
    render: Callable[[Shelf, str], bytes]
