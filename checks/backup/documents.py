"""Taking JSON apart that a backup program printed, without trusting its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secaudit.api import Answer, Evidence, Unproven, UnprovenKind
from secaudit.model.safe_text import visible_line


class UnknownForm(ValueError):
    """The document does not have the form that the program documents; the text says where."""


def parse(answer: Answer) -> Any:
    """The JSON document on stdout. Raises `Unproven` when there is none: a crash report, a warning, nothing."""
    try:
        return json.loads(answer.text)
    except (ValueError, RecursionError):
        reason = f"`{answer.request.key}` did not print JSON"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),)) from None


def unknown_form(answer: Answer, error: UnknownForm) -> Unproven:
    """The reason why a document cannot be used."""
    reason = f"`{answer.request.key}` printed a form that is not known: {error}"
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))


def objects(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of objects. Raises `UnknownForm`."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnknownForm(f"{what} is no list of objects")
    return value


def text(value: Mapping[str, Any], key: str) -> str:
    """A text under `key`. Raises `UnknownForm`."""
    found = value.get(key)
    if not isinstance(found, str):
        raise UnknownForm(f"{key} is no text")
    return found


def whole_number(value: Mapping[str, Any], key: str) -> int:
    """A number ≥ 0 under `key`. Raises `UnknownForm`."""
    found = value.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise UnknownForm(f"{key} is no whole number")
    return found


def moment(value: Mapping[str, Any], key: str, *, zoned: bool) -> datetime:
    """An ISO 8601 time under `key` as aware UTC; `zoned` says whether it bears a zone, else it is taken as UTC.

    Raises `UnknownForm`, also for a time with a zone where none is due and the other way round.
    """
    try:
        found = datetime.fromisoformat(text(value, key))
        if zoned != (found.tzinfo is not None):
            raise ValueError
        return found.astimezone(UTC) if zoned else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UnknownForm(f"{key} is no time {'with' if zoned else 'without'} a zone") from None


def excerpt(answer: Answer, value: Mapping[str, Any], keys: tuple[str, ...]) -> Evidence:
    """Evidence of one object of the document, cut to what matters."""
    shown = json.dumps({key: value[key] for key in keys if key in value}, ensure_ascii=False)
    return Evidence.of(answer.request.key, answer.exit, None, (visible_line(shown),))
