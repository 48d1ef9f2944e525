"""Filter terms as a condition over the projection. Values are always parameters, never part of the text. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from secaudit.model.severity import Severity
from secaudit.tui.filter.language import Flag, Matches, Outcomes, Severities, Term, Within, Word
from secaudit.tui.scope import Scope

NEW_FOR = timedelta(days=1)
"""How long a finding that opened counts as new."""

WORST_FIRST = tuple(reversed(Severity))
"""The severity of a row is kept as its place in this order."""


@dataclass(frozen=True, slots=True)
class Known:
    """What occurs in the rows, case folded.

    `names` are the values of each field by their folded form, which several may share: a name that exists is meant
    exactly, else it is the beginning of names. `topics` are
    texts that many rows share, with the number that a row's `topic` holds: searched once, not in every row.
    """

    names: Mapping[str, Mapping[str, Collection[str]]] = field(default_factory=dict)
    topics: Sequence[tuple[str, int]] = ()


FIELD_COLUMNS = {"customer": ("customer", "name")}
"""Columns of a field that is not called like its column: a customer is meant by id or by name."""

_FLAGS = {
    "unproven": "outcome = 'unproven'",
    "waived": "waived",
    "acked": "acked",
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
        parts.append(Condition("customer = ?", (scope.customer,)))
    if scope.host is not None:
        parts.append(Condition("host = ?", (scope.host,)))
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
    found = Condition("instr(haystack, ?) > 0", (text,))
    topics = tuple(number for topic, number in known.topics if text in topic)
    return _any((_one_of("topic", topics), found)) if topics else found


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
    if name == "tag":
        tagged = _one_of("tag", values)
        same = "host_tag.customer = shown.customer AND host_tag.host = shown.host"
        return Condition(f"EXISTS (SELECT 1 FROM host_tag WHERE {same} AND {tagged.sql})", tagged.parameters)  # noqa: S608 - constants
    return _any(tuple(_one_of(f'"{column}"', values) for column in FIELD_COLUMNS.get(name, (name,))))


def _subject(value: str) -> Condition:
    """Too many to be known by name: exactly this one if it occurs, else every one that holds the text."""
    if "*" in value or "?" in value:
        return Condition("subject LIKE ? ESCAPE '\\'", (_escaped(value).replace("*", "%").replace("?", "_"),))
    exact = "subject = ? COLLATE NOCASE"
    return Condition(
        f"({exact} OR (subject LIKE ? ESCAPE '\\' AND NOT EXISTS (SELECT 1 FROM shown WHERE {exact})))",  # noqa: S608 - constants
        (value, f"%{_escaped(value)}%", value),
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _one_of(column: str, values: tuple[object, ...]) -> Condition:
    return Condition(f"{column} IN ({', '.join('?' * len(values))})", values)


def _any(parts: tuple[Condition, ...]) -> Condition:
    return Condition(
        f"({' OR '.join(part.sql for part in parts)})", tuple(value for part in parts for value in part.parameters)
    )
