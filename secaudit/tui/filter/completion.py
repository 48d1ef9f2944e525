"""Completing what is typed into the filter line, from the language and from what exists. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.tui.filter.language import FIELDS, FLAGS, quoted

_LAST = re.compile(r'(?:^|\s)-?([^\s"]*(?:"[^"]*)?)$')
_VALUE = re.compile(r'([a-z]+):(?:.*,)?"?([^,"]*)$')


def complete(text: str, names: Mapping[str, Collection[str]]) -> str | None:
    """The whole line with its last term completed; None when there is nothing to add. `names` are values by field."""
    found = _LAST.search(text)
    if found is None or not found[1]:
        return None
    value = _VALUE.fullmatch(found[1])
    if value is None:
        begun = found[1]
        return _with(text, begun, (*(f"{field}:" for field in FIELDS if field not in ("due", "age")), *FLAGS))
    field, begun = value[1], value[2]
    if not begun:
        return None
    known: Iterable[str] = names.get(field, ())
    if field == "sev":
        known = (severity.value for severity in reversed(Severity))
    elif field == "outcome":
        known = (outcome.value for outcome in Outcome)
    opened = text[: -len(begun)].endswith('"')
    name = next((name for name in sorted(known) if name != begun.lower() and name.startswith(begun.lower())), None)
    return None if name is None else text[: -len(begun)] + (name if opened else quoted(name))


def _with(text: str, begun: str, candidates: Iterable[str]) -> str | None:
    for candidate in candidates:
        if candidate != begun and candidate.startswith(begun.lower()):
            return text[: len(text) - len(begun)] + candidate
    return None
