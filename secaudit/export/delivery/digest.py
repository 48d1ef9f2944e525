"""One message about everything that changed, instead of one for each change. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secaudit.model.phrasebook import Phrasebook
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

SHOWN = 40
"""Changes of a kind that a digest names; nobody reads more in a mail."""

LENGTH = 200
"""Characters of what one change says."""


class ChangeKind(StrEnum):
    """What happened, the most pressing first."""

    UNREACHABLE = "Hosts that could not be reached"
    BREACHED = "Deadlines that are over"
    NEW = "New findings"
    WARNED = "Deadlines that come near"
    PARTIAL = "Hosts that were scanned only in part"
    INTERRUPTED = "Scans that did not end"
    REACHABLE = "Hosts that answer again"
    WHOLE = "Hosts that are scanned to the end again"
    RESOLVED = "Resolved findings"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to be told. `key` is the same as long as it is the same thing; `at` is when it happened (aware UTC).

    `text` says it in English, `about` names what it is about (a control, a subject), `deadline` adds a promise.
    """

    key: str
    kind: ChangeKind
    at: datetime
    severity: Severity | None
    host: str
    text: str
    about: str = ""
    deadline: str = ""


def subject(customer: str, changes: Sequence[Change], book: Phrasebook) -> str:
    """What a digest is called, the worst of it first, in the language of `book`."""
    parts = []
    for kind in ChangeKind:
        mine = [change for change in changes if change.kind is kind]
        if mine:
            parts.append(f"{len(mine)} {book.told(_NOUNS[kind])}")
    return visible_line(f"[secaudit] {customer}: {', '.join(parts)}")


_NOUNS = {
    ChangeKind.UNREACHABLE: "unreachable",
    ChangeKind.BREACHED: "overdue",
    ChangeKind.NEW: "new",
    ChangeKind.WARNED: "due soon",
    ChangeKind.PARTIAL: "partly scanned",
    ChangeKind.INTERRUPTED: "interrupted",
    ChangeKind.REACHABLE: "reachable again",
    ChangeKind.WHOLE: "scanned whole again",
    ChangeKind.RESOLVED: "resolved",
}


def body(customer: str, changes: Sequence[Change], now: datetime, book: Phrasebook) -> str:
    """The digest as plain text in the language of `book`; what hosts said is inert and bounded in it."""
    lines = [f"{visible_line(customer)}, {now:%Y-%m-%d %H:%M} UTC", ""]
    for kind in ChangeKind:
        mine = sorted(
            (change for change in changes if change.kind is kind),
            key=lambda change: (-(change.severity.rank if change.severity else 0), change.host, change.at),
        )
        if not mine:
            continue
        lines.append(f"{book.told(kind.value)} ({len(mine)})")
        lines += [_line(change, book) for change in mine[:SHOWN]]
        if len(mine) > SHOWN:
            lines.append(f"  … {book.told(f'and {len(mine) - SHOWN} more')}")
        lines.append("")
    return "\n".join([*lines, book.told("Look into them: secaudit ui")]) + "\n"


def _line(change: Change, book: Phrasebook) -> str:
    severity = f"{book.told(change.severity.value)}: " if change.severity else ""
    about = f" ({change.about})" if change.about else ""
    deadline = f": {book.told(change.deadline)}" if change.deadline else ""
    text = visible_line(f"{book.told(change.text)}{about}{deadline}")
    shown = text if len(text) <= LENGTH else f"{text[:LENGTH]}…"
    return f"  {severity}{visible_line(change.host)}: {shown}"
