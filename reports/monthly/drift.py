"""What families tell of hosts between two scans, in the words of the report's language and bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from secaudit.model.answer import Reach
from secaudit.model.change import HostChange
from secaudit.model.month import MonthRecord
from secaudit.model.section import Cell, Mark, Phrase, Section, Table, Text, told

from .scope import NETWORK_FAMILIES

MOST_HOSTS = 25
"""Hosts whose changes are told one by one; the others are named."""

MOST_TABLES = 4
MOST_COLUMNS = 6
MOST_ROWS = 50
MOST_SENTENCES = 8
MOST_TEXT = 400
"""Characters of one text."""

NARROW = 20


@dataclass(frozen=True, slots=True)
class DriftCell:
    """A cell; `verbatim` is what stands in it as a host or a tool writes it."""

    text: str
    mark: Mark
    verbatim: bool


@dataclass(frozen=True, slots=True)
class DriftTable:
    """A table; `left` rows more are not shown."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[DriftCell, ...], ...]
    left: int

    def is_narrow(self, column: int) -> bool:
        """Whether a column (counted from 0) holds a few letters only and gives its room to the others."""
        return all(len(row[column].text) <= NARROW for row in self.rows if column < len(row))


@dataclass(frozen=True, slots=True)
class HostDrift:
    """One host: the change, what is told of it, and how the two scans were come by.

    `first` says that no scan before the month was complete; `missed` is when a later scan did not reach the host.
    """

    change: HostChange
    lead: tuple[str, ...]
    tables: tuple[DriftTable, ...]
    first: bool
    missed: datetime | None


@dataclass(frozen=True, slots=True)
class Drift:
    """What one section of a family tells of all hosts; the changes of `left` hosts are not told one by one."""

    title: str
    hosts: tuple[HostDrift, ...]
    shown: tuple[HostDrift, ...]
    left: int


def network_drifts(record: MonthRecord) -> tuple[Drift, ...]:
    """What is told in the part about firewall and network."""
    return _drifts(record, lambda family: family in NETWORK_FAMILIES)


def other_drifts(record: MonthRecord) -> tuple[Drift, ...]:
    """What other families tell."""
    return _drifts(record, lambda family: family not in NETWORK_FAMILIES)


def _drifts(record: MonthRecord, wanted: Callable[[str], bool]) -> tuple[Drift, ...]:
    kinds: dict[tuple[str, str], list[HostDrift]] = {}
    for change in record.host_changes:
        if wanted(change.family):
            kinds.setdefault((change.family, change.title), []).append(_host(change, record))
    found = []
    for (_, title), hosts in kinds.items():
        changed = [host for host in hosts if host.change.section is not None]
        shown = tuple(changed[:MOST_HOSTS])
        found.append(Drift(_say(Phrase(title), record), tuple(hosts), shown, len(changed) - len(shown)))
    return tuple(found)


def _host(change: HostChange, record: MonthRecord) -> HostDrift:
    host = next((host for host in record.hosts if host.record.host == change.host), None)
    newest = host.scanned if host is not None and host.record.status is Reach.UNREACHABLE else None
    late = newest is not None and change.after is not None and newest > change.after
    return HostDrift(
        change,
        tuple(_say(text, record) for text in change.section.lead[:MOST_SENTENCES]) if change.section else (),
        _tables(change.section, record) if change.section else (),
        first=change.before is not None and change.before >= record.begin,
        missed=newest if late else None,
    )


def _tables(section: Section, record: MonthRecord) -> tuple[DriftTable, ...]:
    tables = [part for part in section.parts if isinstance(part, Table)]
    return tuple(_table(table, record) for table in tables[:MOST_TABLES])


def _table(table: Table, record: MonthRecord) -> DriftTable:
    rows = tuple(tuple(_cell(cell, record) for cell in row[:MOST_COLUMNS]) for row in table.rows[:MOST_ROWS])
    head = tuple(_say(word, record) for word in table.head[:MOST_COLUMNS])
    return DriftTable(_say(table.caption, record), head, rows, table.left + len(table.rows) - len(rows))


def _cell(cell: Cell, record: MonthRecord) -> DriftCell:
    return DriftCell(_say(cell.text, record), cell.mark, isinstance(cell.text, str))


def _say(text: Text, record: MonthRecord) -> str:
    said = told(_looked_up(text, record), record.phrases)
    return said if len(said) <= MOST_TEXT else f"{said[: MOST_TEXT - 1]}…"


def _looked_up(text: Text, record: MonthRecord) -> Text:
    """The text with what checks and collectors say of hosts (phrases without values) as their catalogues have it."""
    if isinstance(text, str):
        return text
    if not text.values:
        return record.phrases.get(text.text) or record.translations.told(text.text)
    return Phrase(text.text, tuple((name, _looked_up(value, record)) for name, value in text.values))
