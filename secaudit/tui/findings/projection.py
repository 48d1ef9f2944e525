"""The findings in short, in memory and in the order in which they are shown, to be filtered at every keystroke.

A private SQLite database. What a filter looks at stands in narrow rows in sort order, with numbers in place of the
names of hosts and controls, so the first rows of a dense filter come at once and a sparse one is one quick pass; what
people read stands beside them and is fetched for the rows in view. Words are looked for in a text of their own. The
store is not asked again until it changed, so a slow or remote one costs no keystroke. Used by one thread; only
`interrupt` may be called by another.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.store.listing import FindingLine, Handling
from secaudit.tui.filter.haystack import Haystack
from secaudit.tui.filter.language import Matches, Term
from secaudit.tui.filter.sql import FIELD_COLUMNS, WORST_FIRST, Condition, Known, condition
from secaudit.tui.scope import Scope

PAGE = 128
_CHUNK = 4096
_RARE = 1000
"""Rows that hold a word up to which they are named to the database one by one."""

_TABLES = """
CREATE TABLE place (id INTEGER PRIMARY KEY, customer, name, site, host);
CREATE TABLE tag (place, tag);
CREATE TABLE control (id INTEGER PRIMARY KEY, family, control, "check", title);
CREATE TABLE told (number INTEGER PRIMARY KEY, subject, reason, fingerprint, run, advisories);
"""
_NARROW = "number, place, control, severity, outcome, waived, owner, paused, opened, due, resolved, own"
_OF_F = ", ".join(f"f.{column}" for column in _NARROW.split(", "))
_JOINED = "JOIN place ON place.id = f.place JOIN control ON control.id = f.control JOIN told ON told.number = f.number"
_SHOWN = (
    "f.id, fingerprint, customer, name, host, family, control.control, subject, reason, severity, outcome, waived, "
    "opened, due, run"
)
_UNHANDLED = Handling()
_RANKS = {severity: rank for rank, severity in enumerate(WORST_FIRST)}


class Sort(StrEnum):
    """The orders on offer; the value is what people read."""

    SEVERITY = "severity, then due"
    DUE = "due"
    AGE = "newest"
    CUSTOMER = "customer, host"
    CONTROL = "control"


class Group(StrEnum):
    """What findings can be counted by; the value is a filter field."""

    CUSTOMER = "customer"
    HOST = "host"
    CONTROL = "control"
    PACKAGE = "package"
    SUBJECT = "subject"


_ORDERS = {
    Sort.SEVERITY: "severity, waived OR due IS NULL, due, name, host, control.control, subject",
    Sort.DUE: "waived OR due IS NULL, due, severity, name, host, control.control, subject",
    Sort.AGE: "opened DESC, severity, name, host, control.control, subject",
    Sort.CUSTOMER: "name, host, severity, waived OR due IS NULL, due, control.control, subject",
    Sort.CONTROL: "control.control, severity, waived OR due IS NULL, due, name, host, subject",
}
_GROUPS = {
    Group.CUSTOMER: ("customer", "customer", "customer, name"),
    Group.HOST: ("customer, host", "host", "customer, name"),
    Group.CONTROL: ("control.control", "control.control", "'', ''"),
    Group.PACKAGE: ("subject", "subject", "'', ''"),
    Group.SUBJECT: ("subject", "subject", "'', ''"),
}
"""What findings are counted by, what the group is called, and the customer it belongs to."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is wanted of the findings."""

    terms: tuple[Term, ...] = ()
    scope: Scope = field(default_factory=Scope)
    sort: Sort = Sort.SEVERITY
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `opened` and `due` in seconds since the epoch. `id` is its place until the next sort."""

    id: int
    fingerprint: str
    customer: str
    name: str
    host: str
    family: str
    control: str
    subject: str
    reason: str
    severity: Severity
    outcome: Outcome
    waived: bool
    opened: float
    due: float | None
    run: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Findings that have something in common; `customer` is set where a host is meant."""

    key: str
    customer: str
    name: str
    count: int
    unproven: int
    worst: Severity
    due: float | None


class Projection:
    """Holds the findings that were added, once `settle` was called."""

    def __init__(self) -> None:
        # Another thread may interrupt; nothing else of it is shared.
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.executescript(_TABLES)
        self._create("shown")
        self._sort: Sort | None = None
        self._places: dict[tuple[str, str], int] = {}
        self._controls: dict[tuple[str, str, str, str], int] = {}
        self._texts: list[str] = []
        self._haystack = Haystack()
        self._ids: array[int] = array("L")
        """The id of every number."""
        self._known = Known()

    def close(self) -> None:
        """Let go of the memory."""
        self._db.close()

    def interrupt(self) -> None:
        """Make the statement that runs now end with `sqlite3.OperationalError`; callable from any thread."""
        self._db.interrupt()

    def add(self, lines: Iterable[FindingLine], handling: Mapping[str, Handling], now: datetime) -> None:
        """Add findings, and what people did about them by fingerprint."""
        told, narrow = [], []
        number = len(self._texts)
        for line in lines:
            number += 1
            # Most reasons name their subject; what is searched should be short.
            own = line.reason if line.subject in line.reason else f"{line.subject}\n{line.reason}"
            own = own.casefold()
            self._texts.append(own)
            told.append((number, line.subject, line.reason, line.fingerprint, line.run, line.advisories))
            narrow.append((*self._narrow(number, line, handling.get(line.fingerprint, _UNHANDLED), now), own))
        self._insert("told", 6, told)
        self._insert(f"shown ({_NARROW})", 12, narrow)

    def _narrow(self, number: int, line: FindingLine, handling: Handling, now: datetime) -> tuple[object, ...]:
        place = self._places.get((line.customer, line.host)) or self._place(line)
        control = self._controls.get((line.family, line.control, line.check, line.title)) or self._control(line)
        return (
            number,
            place,
            control,
            _RANKS[line.severity],
            line.outcome.value,
            line.waived,
            handling.acknowledged_by,
            handling.paused_until is not None and handling.paused_until > now,
            line.opened.timestamp(),
            line.due.timestamp() if line.due else None,
            line.resolved.timestamp() if line.resolved else None,
        )

    def _place(self, line: FindingLine) -> int:
        number = self._places[line.customer, line.host] = len(self._places) + 1
        self._insert("place", 5, [(number, line.customer, line.name, line.site, line.host)])
        return number

    def _control(self, line: FindingLine) -> int:
        key = (line.family, line.control, line.check, line.title)
        number = self._controls[key] = len(self._controls) + 1
        self._insert("control", 5, [(number, *key)])
        return number

    def tag(self, tags: Iterable[tuple[str, str, Iterable[str]]]) -> None:
        """Say which tags hosts have (customer, host, tags), after their findings were added."""
        known = ((self._places.get((customer, host)), names) for customer, host, names in tags)
        self._insert("tag", 2, [(place, name) for place, names in known if place for name in names])

    def _insert(self, into: str, columns: int, rows: Sequence[tuple[object, ...]]) -> None:
        statement = f"INSERT INTO {into} VALUES ({', '.join('?' * columns)})"  # noqa: S608 - constants
        self._db.execute("BEGIN")
        try:
            self._db.executemany(statement, rows)
        except UnicodeEncodeError:
            # A host named something with a lone surrogate, which SQLite refuses.
            self._db.execute("ROLLBACK")
            self._db.execute("BEGIN")
            self._db.executemany(statement, (tuple(map(_storable, row)) for row in rows))
        self._db.execute("COMMIT")

    def settle(self, sort: Sort = Sort.SEVERITY) -> None:
        """Show what was added, in an order."""
        self._haystack = Haystack(self._texts)
        self._texts.clear()
        self.sort(sort)
        self._known = Known(
            names={name: self._names(table, columns) for name, (table, columns) in FIELD_COLUMNS.items()},
            places=self._folded("SELECT customer || char(10) || name || char(10) || host, id FROM place"),
            controls=self._folded("SELECT control || char(10) || title, id FROM control"),
            rows=self._rows_with,
        )

    def _names(self, table: str, columns: Iterable[str]) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for column in columns:
            for (value,) in self._db.execute(f"SELECT DISTINCT {column} FROM {table}"):  # noqa: S608 - constants
                if value:
                    found.setdefault(value.casefold(), set()).add(value)
        return {name: frozenset(values) for name, values in found.items()}

    def _folded(self, query: str) -> tuple[tuple[str, int], ...]:
        return tuple((text.casefold(), number) for text, number in self._db.execute(query))

    def _rows_with(self, text: str) -> list[int] | None:
        numbers = self._haystack.rows(text, _RARE)
        return None if numbers is None else sorted(self._ids[number] for number in numbers)

    @property
    def known(self) -> Known:
        """What occurs."""
        return self._known

    def sort(self, sort: Sort) -> None:
        """Show in this order. Ids change."""
        if sort is self._sort:
            return
        self._sort = sort
        self._create("arranged")
        self._db.execute(
            f"INSERT INTO arranged ({_NARROW}) SELECT {_OF_F} FROM shown AS f {_JOINED} ORDER BY {_ORDERS[sort]}"  # noqa: S608 - constants
        )
        self._db.executescript("DROP TABLE shown; ALTER TABLE arranged RENAME TO shown")
        numbers = [number for (number,) in self._db.execute("SELECT number FROM shown ORDER BY id")]
        self._ids = array("L", [0]) * (len(numbers) + 1)
        for place, number in enumerate(numbers, 1):
            self._ids[number] = place

    def _create(self, table: str) -> None:
        self._db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {_NARROW})")

    def ids(self, query: Query, now: datetime, among: Sequence[int] | None = None) -> Iterator[array[int]]:
        """The ids of the rows that match (`among` some), in order: a page, then larger parts to the end."""
        wanted = condition(query.terms, query.scope, now, self._known)
        if among is not None:
            marks = ", ".join("?" * len(among))
            wanted = Condition(f"id IN ({marks}) AND {wanted.sql}", (*among, *wanted.parameters))
        cursor = self._db.execute(f"SELECT id FROM shown WHERE {wanted.sql} ORDER BY id", wanted.parameters)  # noqa: S608 - see filter/sql
        size = PAGE
        while part := cursor.fetchmany(size):
            yield array("L", [number for (number,) in part])
            size = _CHUNK

    def rows(self, ids: Sequence[int]) -> tuple[Row, ...]:
        """The rows with these ids, in their order."""
        return self._shown(f"f.id IN ({', '.join(map(str, ids))})")

    def _shown(self, where: str) -> tuple[Row, ...]:
        found = self._db.execute(f"SELECT {_SHOWN} FROM shown AS f {_JOINED} WHERE {where} ORDER BY f.id")  # noqa: S608 - constants and numbers
        return tuple(_row(*values) for values in found)

    def groups(self, query: Query, now: datetime) -> tuple[GroupRow, ...]:
        """The groups of the rows that match, the worst first; by package only what is about one."""
        about = (Matches("package", ("?*",)),) if query.group is Group.PACKAGE else ()
        wanted = condition((*query.terms, *about), query.scope, now, self._known)
        keys, called, owner = _GROUPS[query.group or Group.CUSTOMER]
        found = self._db.execute(
            f"SELECT {called}, {owner}, count(*) AS n, sum(outcome = 'unproven'), min(severity) AS worst, "  # noqa: S608 - constants
            f"min(CASE WHEN NOT waived THEN due END) FROM (SELECT * FROM shown WHERE {wanted.sql}) AS f {_JOINED} "
            f"GROUP BY {keys} ORDER BY worst, n DESC, 1, 2",
            wanted.parameters,
        )
        return tuple(
            GroupRow(key, customer, shown, count, unproven, WORST_FIRST[worst], due)
            for key, customer, shown, count, unproven, worst, due in found
        )

    def fingerprints(self, query: Query, now: datetime) -> frozenset[str]:
        """Every row that matches, by the identity that survives a sort."""
        wanted = condition(query.terms, query.scope, now, self._known)
        numbers = f"SELECT number FROM shown WHERE {wanted.sql}"  # noqa: S608 - see filter/sql
        found = self._db.execute(f"SELECT fingerprint FROM told WHERE number IN ({numbers})", wanted.parameters)  # noqa: S608
        return frozenset(fingerprint for (fingerprint,) in found)

    def of(self, fingerprints: Collection[str]) -> tuple[Row, ...]:
        """The rows with these fingerprints, in order."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (fingerprint TEXT PRIMARY KEY)")
        self._db.execute("DELETE FROM wanted")
        self._db.executemany("INSERT INTO wanted VALUES (?)", ((fingerprint,) for fingerprint in fingerprints))
        return self._shown("fingerprint IN (SELECT fingerprint FROM wanted)")


def _storable(value: object) -> object:
    """Lone surrogates as escapes; they are never shown as they are anyway."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value


def _row(
    id: int, fingerprint: str, customer: str, name: str, host: str, family: str, control: str, subject: str,
    reason: str, severity: int, outcome: str, waived: int, opened: float, due: float | None, run: str,
) -> Row:  # fmt: skip
    return Row(
        id, fingerprint, customer, name, host, family, control, subject, reason, WORST_FIRST[severity],
        Outcome(outcome), bool(waived), opened, due, run,
    )  # fmt: skip
