"""The filter language: what a person types, as terms. Pure; `docs/dashboard.md` has the grammar for people.

Nothing that is typed is an error: a half-typed term is left out, a wrong one is reported with the nearest name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

from secaudit.model.outcome import Outcome
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

TEXT_FIELDS = ("family", "customer", "site", "host", "control", "check", "subject", "package", "cve", "owner", "tag")
DURATION_FIELDS = ("due", "age")
FIELDS = ("sev", "outcome", *TEXT_FIELDS, *DURATION_FIELDS)
FLAGS = ("new", "overdue", "unproven", "waived", "acked", "paused", "fixed")

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_FIELD = re.compile(r"([A-Za-z]+)(<=|>=|[:<>])(.*)", re.DOTALL)
_ITEM = re.compile(r'(?:[^,"]|"[^"]*(?:"|$))+')
_DURATION = re.compile(r"(-?\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Word:
    """Text that must occur somewhere in the row, ignoring case."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """One of `FLAGS`."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Severities:
    """The severity is one of these; `sev:high+` has been spelled out."""

    values: frozenset[Severity]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcome is one of these."""

    values: frozenset[Outcome]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """A text field is one of `values`; `*` and `?` in them are wildcards."""

    field: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """A time field compared with a duration: time left until due, or age. `op` is one of `<`, `<=`, `>`, `>=`."""

    field: str
    op: str
    limit: timedelta
    negated: bool = False


Term = Word | Flag | Severities | Outcomes | Matches | Within


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the text (`start` to `end`, end excluded) that means nothing, and what might have been meant."""

    start: int
    end: int
    message: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What was understood, and-ed, and what was not."""

    terms: tuple[Term, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Wrong(Exception):
    """Not half typed but wrong; the text says what would be right."""


def parse(text: str) -> Filter:
    """Read a filter line. Never raises."""
    terms: list[Term] = []
    problems: list[Problem] = []
    for token in _TOKEN.finditer(text):
        negated = token[0].startswith("-") and len(token[0]) > 1
        try:
            term = _term(token[0].removeprefix("-") if negated else token[0], negated)
        except _Wrong as wrong:
            problems.append(Problem(token.start() + negated, token.end(), str(wrong)))
            continue
        if term is not None:
            terms.append(term)
    return Filter(tuple(terms), tuple(problems))


def narrows(new: Sequence[Term], old: Sequence[Term]) -> bool:
    """Whether everything that matches `new` also matches `old`, as far as the terms themselves tell."""
    wide = Flag("fixed") in new or Flag("fixed", negated=True) in new
    if wide != (Flag("fixed") in old or Flag("fixed", negated=True) in old):
        return False
    return all(any(_implies(one, other) for one in new) for other in old)


def _implies(one: Term, other: Term) -> bool:
    if isinstance(one, Word) and isinstance(other, Word) and not one.negated and not other.negated:
        return other.text.casefold() in one.text.casefold()
    return one == other


def show(term: Term) -> str:
    """The text that is read as this term."""
    sign = "-" if term.negated else ""
    match term:
        case Word():
            return f'{sign}"{term.text}"'
        case Flag():
            return f"{sign}{term.name}"
        case Severities():
            return f"{sign}sev:{','.join(value.value for value in Severity if value in term.values)}"
        case Outcomes():
            return f"{sign}outcome:{','.join(value.value for value in Outcome if value in term.values)}"
        case Matches():
            return f"{sign}{term.field}:{','.join(quoted(value) for value in term.values)}"
        case Within():
            return f"{sign}{term.field}{term.op}{int(term.limit.total_seconds() // 60)}m"


def quoted(value: str) -> str:
    """A value as it can be typed; quotes and invisible characters stand as `?`, which matches any character."""
    value = "".join(
        "?" if character == '"' or visible_line(character) != character else character for character in value
    )
    return f'"{value}"' if re.search(r"[\s,+]", value) else value


def _term(token: str, negated: bool) -> Term | None:
    if token in FLAGS:
        return Flag(token, negated)
    # A token that begins with a quote is text, whatever it holds.
    found = None if token.startswith('"') else _FIELD.fullmatch(token)
    if found is None:
        word = token.replace('"', "")
        return Word(word, negated) if word and word != "-" else None
    field, op, value = found[1].lower(), found[2], found[3]
    if field not in FIELDS:
        near = get_close_matches(field, FIELDS, 1, 0.5)
        raise _Wrong(f"no field {field!r}" + (f"; {near[0]}?" if near else ""))
    if field in DURATION_FIELDS:
        return _within(field, op, value, negated)
    if op != ":":
        raise _Wrong(f"{field} is compared with a colon")
    if field == "sev":
        return _severities(value, negated)
    items = _items(value)
    if not items:
        return None
    if field == "outcome":
        return Outcomes(frozenset(Outcome(_named(item, [value.value for value in Outcome])) for item in items), negated)
    return Matches(field, items, negated)


def _severities(value: str, negated: bool) -> Severities | None:
    worse = value.endswith("+")
    names = [severity.value for severity in Severity]
    chosen = frozenset(Severity(_named(item, names)) for item in _items(value.removesuffix("+")))
    if worse and chosen:
        mildest = min(chosen, key=lambda severity: severity.rank)
        chosen = frozenset(severity for severity in Severity if severity.at_least(mildest))
    return Severities(chosen, negated) if chosen else None


def _within(field: str, op: str, value: str, negated: bool) -> Within | None:
    found = _DURATION.fullmatch(value)
    if found is None:
        if re.fullmatch(r"-?\d*", value):
            return None
        raise _Wrong(f"write a duration such as {field}<2d (m, h, d, w)")
    limit = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return Within(field, "<=" if op == ":" else op, limit, negated)


def _items(value: str) -> tuple[str, ...]:
    items = (item.replace('"', "") for item in _ITEM.findall(value))
    return tuple(item for item in items if item)


def _named(typed: str, names: list[str]) -> str:
    """The one name that begins with what was typed."""
    begun = [name for name in names if name.startswith(typed.lower())]
    if begun:
        return begun[0]
    near = get_close_matches(typed.lower(), names, 1, 0.5)
    raise _Wrong(f"{near[0]}?" if near else f"one of {', '.join(names)}")
