"""Filter terms as a condition over the projection. Values are always parameters, never part of the text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from secaudit.model.severity import Severity
from secaudit.tui.filter.language import Flag, Matches, Outcomes, Severities, Term, Within, Word
from secaudit.tui.scope import Scope

NEW_FOR = timedelta(days=1)
"""How long a finding that opened counts as new."""

PACKAGE_FAMILY = "patch"
"""The family whose findings are about packages: their subjects are what `package` means."""

WORST_FIRST = tuple(reversed(Severity))
"""The severity of a row is kept as its place in this order."""


def _nowhere(_text: str) -> Sequence[int] | None:
    return ()


@dataclass(frozen=True, slots=True)
class Known:
    """What occurs in the rows.

    `names` are the values of each field by their folded form, which several may share: a name that exists is meant
    exactly, else it is the beginning of names. `places` and `controls` are the folded texts that many rows share, with
    the number by which rows refer to them. `rows` gives the ids of the rows whose own text holds a folded text, or None
    when they are many.
    """

    names: Mapping[str, Mapping[str, Collection[str]]] = field(default_factory=dict)
    places: Sequence[tuple[str, int]] = ()
    controls: Sequence[tuple[str, int]] = ()
    rows: Callable[[str], Sequence[int] | None] = _nowhere


FIELD_COLUMNS = {
    "customer": ("place", ("customer", "name")),
    "site": ("place", ("site",)),
    "host": ("place", ("host",)),
    "tag": ("tag", ("tag",)),
    "family": ("control", ("family",)),
    "control": ("control", ("control",)),
    "check": ("control", ('"check"',)),
    "owner": ("shown", ("owner",)),
}
"""Where the values of fields stand: the table, and its columns. A customer is meant by id or by name."""

_FLAGS = {
    "unproven": "outcome = 'unproven'",
    "waived": "waived",
    "acked": "owner <> ''",
    "paused": "paused",
    "fixed": "resolved IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL with `?` in place of its parameters."""

    sql: str
    parameters: tuple[object, ...] = ()


def condition(terms: Sequence[Term], scope: Scope, now: datetime, known: Known) -> Condition:
    """The terms and the scope, and-ed. Findings that were resolved are left out unless `fixed` asks for them."""
    parts = [_term(term, now, known) for term in terms]
    if not any(isinstance(term, Flag) and term.name == "fixed" for term in terms):
        parts.append(Condition("resolved IS NULL"))
    if scope.customer is not None:
        parts.append(Condition("place IN (SELECT id FROM place WHERE customer = ?)", (scope.customer,)))
    if scope.host is not None:
        parts.append(Condition("place IN (SELECT id FROM place WHERE host = ?)", (scope.host,)))
    sql = " AND ".join(f"({part.sql})" for part in parts)
    return Condition(sql, tuple(value for part in parts for value in part.parameters))


def _term(term: Term, now: datetime, known: Known) -> Condition:
    match term:
        case Word(text):
            found = _word(text.casefold(), known)
        case Flag(name):
            found = _flag(name, now)
        case Severities(values):
            found = _one_of("severity", tuple(sorted(WORST_FIRST.index(value) for value in values)))
        case Outcomes(values):
            found = _one_of("outcome", tuple(sorted(value.value for value in values)))
        case Matches(name, values):
            found = _any(tuple(_matches(name, value, known) for value in values))
        case Within(name, op, limit):
            found = _within(name, op, limit, now)
    # NULL (no due date) is neither within nor outside: negated it must match all the same.
    return Condition(f"NOT coalesce({found.sql}, 0)", found.parameters) if term.negated else found


def _word(text: str, known: Known) -> Condition:
    ids = known.rows(text)
    parts = [Condition("instr(own, ?) > 0", (text,)) if ids is None else _numbered("id", ids)]
    for column, shared in (("place", known.places), ("control", known.controls)):
        numbers = [number for told, number in shared if text in told]
        if numbers:
            parts.append(_numbered(column, numbers))
    return _any(tuple(parts))


def _numbered(column: str, numbers: Iterable[int]) -> Condition:
    # Written out, for there may be more of them than a statement may have parameters.
    return Condition(f"{column} IN ({', '.join(map(str, numbers))})")


def _flag(name: str, now: datetime) -> Condition:
    if name == "new":
        return Condition("opened >= ?", ((now - NEW_FOR).timestamp(),))
    if name == "overdue":
        return Condition("due < ? AND NOT waived", (now.timestamp(),))
    return Condition(_FLAGS[name])


def _within(name: str, op: str, limit: timedelta, now: datetime) -> Condition:
    if name == "due":
        return Condition(f"due {op} ?", ((now + limit).timestamp(),))
    # Older means opened earlier.
    flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
    return Condition(f"opened {flipped} ?", ((now - limit).timestamp(),))


def _matches(name: str, value: str, known: Known) -> Condition:
    if name == "subject":
        return _subject(value)
    if name == "cve":
        return _advisory(value)
    if name == "package":
        subject = _subject(value)
        about = "control IN (SELECT id FROM control WHERE family = ?)"
        return Condition(f"({about} AND {subject.sql})", (PACKAGE_FAMILY, *subject.parameters))
    folded, names = value.casefold(), known.names.get(name, {})
    if folded in names:
        chosen = {folded}
    elif "*" in value or "?" in value:
        pattern = re.compile(re.escape(folded).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
        chosen = {found for found in names if pattern.fullmatch(found)}
    else:
        chosen = {found for found in names if found.startswith(folded)}
    values = tuple(sorted({original for found in chosen for original in names[found]}))
    if not values:
        return Condition("0")
    table, columns = FIELD_COLUMNS[name]
    found = _any(tuple(_one_of(column, values) for column in columns))
    match table:
        case "shown":
            return found
        case "tag":
            sql = f"place IN (SELECT place FROM tag WHERE {found.sql})"  # noqa: S608 - constants
        case _:
            sql = f"{table} IN (SELECT id FROM {table} WHERE {found.sql})"  # noqa: S608 - constants
    return Condition(sql, found.parameters)


def _subject(value: str) -> Condition:
    """Too many to be known by name: exactly this one if it occurs, else every one that holds the text."""
    parameters: tuple[str, ...]
    if "*" in value or "?" in value:
        like, parameters = "subject LIKE ? ESCAPE '\\'", (_escaped(value).replace("*", "%").replace("?", "_"),)
    else:
        exact = "subject = ? COLLATE NOCASE"
        unless = f"NOT EXISTS (SELECT 1 FROM told WHERE {exact})"  # noqa: S608 - constants
        like, parameters = (
            f"{exact} OR (subject LIKE ? ESCAPE '\\' AND {unless})",
            (value, f"%{_escaped(value)}%", value),
        )
    return Condition(f"number IN (SELECT number FROM told WHERE {like})", parameters)  # noqa: S608 - constants


def _advisory(value: str) -> Condition:
    """A CVE or an advisory: exactly this one if it occurs, else every one that begins with the text.

    The names of a finding are lines, so a whole one stands between two line ends; `?` is one character of it, `*` is
    understood at its end.
    """
    begun = _escaped(value.rstrip("*")).replace("?", "_")
    whole, beginning = f"%\n{begun}\n%", f"%\n{begun}%"
    like = "advisories LIKE ? ESCAPE '\\'"
    if value.endswith("*"):
        return Condition(f"number IN (SELECT number FROM told WHERE {like})", (beginning,))  # noqa: S608 - constants
    unless = f"NOT EXISTS (SELECT 1 FROM told WHERE {like})"  # noqa: S608 - constants
    return Condition(
        f"number IN (SELECT number FROM told WHERE {like} OR ({like} AND {unless}))",  # noqa: S608 - constants
        (whole, beginning, whole),
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _one_of(column: str, values: tuple[object, ...]) -> Condition:
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", values)


def _any(parts: tuple[Condition, ...]) -> Condition:
    return Condition(
        f"({' OR '.join(part.sql for part in parts)})", tuple(value for part in parts for value in part.parameters)
    )
