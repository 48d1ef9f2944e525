"""The findings in short, in memory and in the order in which they are shown, to be filtered at every keystroke.

A private SQLite database whose rows stand in sort order: the first rows of a dense filter come at once, a sparse one
is one pass over narrow rows, and both are sorted without sorting. The store is not asked again until it changed, so a
slow or remote one costs no keystroke. Used by one thread; only `interrupt` may be called by another.
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
from secaudit.tui.filter.language import Term
from secaudit.tui.filter.sql import FIELD_COLUMNS, WORST_FIRST, Condition, Known, condition
from secaudit.tui.scope import Scope

PAGE = 128
_CHUNK = 4096
_COLUMNS = (
    "topic", "haystack", "severity", "outcome", "waived", "acked", "paused", "opened", "due", "resolved", "customer",
    "host", "family", "control", "name", "site", '"check"', "subject", "reason", "fingerprint", "run", "owner",
)  # fmt: skip
_SHOWN = (
    "id, fingerprint, customer, name, host, family, control, subject, reason, severity, outcome, waived, opened, due, "
    "run"
)
_UNHANDLED = Handling()
_RANKS = {severity: rank for rank, severity in enumerate(WORST_FIRST)}
_KNOWN = ("customer", "site", "host", "family", "control", "check", "owner")


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
    SUBJECT = "subject"


_ORDERS = {
    Sort.SEVERITY: "severity, waived OR due IS NULL, due, name, host, control, subject",
    Sort.DUE: "waived OR due IS NULL, due, severity, name, host, control, subject",
    Sort.AGE: "opened DESC, severity, name, host, control, subject",
    Sort.CUSTOMER: "name, host, severity, waived OR due IS NULL, due, control, subject",
    Sort.CONTROL: "control, severity, waived OR due IS NULL, due, name, host, subject",
}


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
    """Holds the findings that were added since `begin`, once `settle` was called."""

    def __init__(self) -> None:
        # Another thread may interrupt; nothing else of it is shared.
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._sort = Sort.SEVERITY
        self._topics: dict[str, int] = {}
        self._known = Known()
        self._create("shown")
        self._db.execute("CREATE TABLE host_tag (customer, host, tag, PRIMARY KEY (customer, host, tag)) WITHOUT ROWID")

    def close(self) -> None:
        """Let go of the memory."""
        self._db.close()

    def interrupt(self) -> None:
        """Make the statement that runs now end with `sqlite3.OperationalError`; callable from any thread."""
        self._db.interrupt()

    def begin(self) -> None:
        """Collect anew; what is there stays until `settle`."""
        self._db.execute("DROP TABLE IF EXISTS collected")
        self._create("collected")

    def add(self, lines: Iterable[FindingLine], handling: Mapping[str, Handling], now: datetime) -> None:
        """Add findings, and what people did about them by fingerprint."""
        marks = ", ".join("?" * len(_COLUMNS))
        statement = f"INSERT INTO collected ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - constants
        rows = [self._values(line, handling.get(line.fingerprint, _UNHANDLED), now) for line in lines]
        self._db.execute("BEGIN")
        try:
            self._db.executemany(statement, rows)
        except UnicodeEncodeError:
            # A host named something with a lone surrogate, which SQLite refuses.
            self._db.execute("ROLLBACK")
            self._db.execute("BEGIN")
            self._db.executemany(statement, (tuple(map(_storable, row)) for row in rows))
        self._db.execute("COMMIT")

    def tag(self, tags: Iterable[tuple[str, str, str]]) -> None:
        """Say which tags hosts have (customer, host, tag), in place of what was said before."""
        self._db.execute("DELETE FROM host_tag")
        rows = (tuple(map(_storable, row)) for row in tags)
        self._db.executemany("INSERT OR IGNORE INTO host_tag VALUES (?, ?, ?)", rows)

    def settle(self) -> None:
        """Show what was collected."""
        self._arrange("collected")
        names = {name: self._names(name) for name in _KNOWN} | {"tag": self._names("tag", "host_tag")}
        self._known = Known(names, tuple((topic.casefold(), number) for topic, number in self._topics.items()))

    def _names(self, field: str, table: str = "shown") -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for column in FIELD_COLUMNS.get(field, (field,)):
            for (value,) in self._db.execute(f'SELECT DISTINCT "{column}" FROM {table}'):  # noqa: S608 - constants
                if value:
                    found.setdefault(value.casefold(), set()).add(value)
        return {folded: frozenset(values) for folded, values in found.items()}

    @property
    def known(self) -> Known:
        """The names that occur, by field."""
        return self._known

    def sort(self, sort: Sort) -> None:
        """Show in this order. Ids change."""
        if sort is not self._sort:
            self._sort = sort
            self._arrange("shown")

    def ids(self, query: Query, now: datetime, among: Sequence[int] | None = None) -> Iterator[array[int]]:
        """The ids of the rows that match (`among` some), in order: a page, then larger parts to the end."""
        wanted = condition(query.terms, query.scope, now, self._known)
        if among is not None:
            marks = ", ".join("?" * len(among))
            wanted = Condition(f"id IN ({marks}) AND {wanted.sql}", (*among, *wanted.parameters))
        cursor = self._db.execute(f"SELECT id FROM shown WHERE {wanted.sql} ORDER BY id", wanted.parameters)  # noqa: S608 - see filter_sql
        size = PAGE
        while part := cursor.fetchmany(size):
            yield array("L", [number for (number,) in part])
            size = _CHUNK

    def rows(self, ids: Sequence[int]) -> tuple[Row, ...]:
        """The rows with these ids, in their order."""
        marks = ", ".join("?" * len(ids))
        found = self._db.execute(f"SELECT {_SHOWN} FROM shown WHERE id IN ({marks}) ORDER BY id", tuple(ids))  # noqa: S608 - constants
        return tuple(_row(*values) for values in found)

    def groups(self, query: Query, now: datetime) -> tuple[GroupRow, ...]:
        """The groups of the rows that match, the worst first."""
        wanted = condition(query.terms, query.scope, now, self._known)
        by = (query.group or Group.CUSTOMER).value
        owner, name = ("customer", "name") if by in ("customer", "host") else ("''", "''")
        keys = "customer, host" if by == "host" else by
        found = self._db.execute(
            f"SELECT {by}, {owner}, {name}, count(*) AS n, sum(outcome = 'unproven'), min(severity) AS worst, min(due) "  # noqa: S608 - constants
            f"FROM shown WHERE {wanted.sql} GROUP BY {keys} ORDER BY worst, n DESC, 1, 2",
            wanted.parameters,
        )
        return tuple(
            GroupRow(key, customer, shown, count, unproven, WORST_FIRST[worst], due)
            for key, customer, shown, count, unproven, worst, due in found
        )

    def fingerprints(self, query: Query, now: datetime) -> frozenset[str]:
        """Every row that matches, by the identity that survives a sort."""
        wanted = condition(query.terms, query.scope, now, self._known)
        found = self._db.execute(f"SELECT fingerprint FROM shown WHERE {wanted.sql}", wanted.parameters)  # noqa: S608 - see filter_sql
        return frozenset(fingerprint for (fingerprint,) in found)

    def of(self, fingerprints: Collection[str]) -> tuple[Row, ...]:
        """The rows with these fingerprints, in order."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (fingerprint TEXT PRIMARY KEY)")
        self._db.execute("DELETE FROM wanted")
        self._db.executemany("INSERT INTO wanted VALUES (?)", ((fingerprint,) for fingerprint in fingerprints))
        found = self._db.execute(
            f"SELECT {_SHOWN} FROM shown WHERE fingerprint IN (SELECT fingerprint FROM wanted) ORDER BY id"  # noqa: S608 - constants
        )
        return tuple(_row(*values) for values in found)

    def _values(self, line: FindingLine, handling: Handling, now: datetime) -> tuple[object, ...]:
        shared = f"{line.control}\n{line.title}\n{line.customer}\n{line.name}"
        # Most reasons name their subject; what is searched in every row should be short.
        told = line.reason if line.subject in line.reason else f"{line.subject}\n{line.reason}"
        topic = self._topics.get(shared)
        if topic is None:
            topic = self._topics[shared] = len(self._topics)
        return (
            topic,
            f"{line.host}\n{told}".casefold(),
            _RANKS[line.severity],
            line.outcome.value,
            line.waived,
            bool(handling.acknowledged_by),
            handling.paused_until is not None and handling.paused_until > now,
            line.opened.timestamp(),
            line.due.timestamp() if line.due else None,
            line.resolved.timestamp() if line.resolved else None,
            line.customer,
            line.host,
            line.family,
            line.control,
            line.name,
            line.site,
            line.check,
            line.subject,
            line.reason,
            line.fingerprint,
            line.run,
            handling.acknowledged_by,
        )

    def _create(self, table: str) -> None:
        self._db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(_COLUMNS)})")

    def _arrange(self, source: str) -> None:
        self._create("arranged")
        columns = ", ".join(_COLUMNS)
        self._db.execute(
            f"INSERT INTO arranged ({columns}) SELECT {columns} FROM {source} ORDER BY {_ORDERS[self._sort]}"  # noqa: S608 - constants
        )
        self._db.execute("DROP TABLE shown")
        if source != "shown":
            self._db.execute(f"DROP TABLE {source}")
        self._db.execute("ALTER TABLE arranged RENAME TO shown")


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
