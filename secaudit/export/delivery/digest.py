"""One message about everything that changed, instead of one for each change. Pure functions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secaudit.model.phrasebook import Phrasebook
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

SHOWN = 40
"""Lines of a kind that a digest has; nobody reads more in a mail."""

NAMED = 8
"""Subjects that a line names when it is about several."""

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

    `text` says it in English, `control` and `subject` name what it is about, `deadline` adds a promise. Where nobody
    translated `text`, readers of other languages get `plain` instead.
    """

    key: str
    kind: ChangeKind
    at: datetime
    severity: Severity | None
    host: str
    text: str
    control: str = ""
    subject: str = ""
    deadline: str = ""
    plain: str = ""


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
        alike = _alike(mine)
        lines += [_line(together, book) for together in alike[:SHOWN]]
        hidden = sum(map(len, alike[SHOWN:]))
        if hidden:
            lines.append(f"  … {book.told(f'and {hidden} more')}")
        lines.append("")
    return "\n".join([*lines, book.told("Look into them: secaudit ui")]) + "\n"


def _alike(changes: Sequence[Change]) -> list[list[Change]]:
    """What is told in one line: what one control says of a host, as forty missing updates."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        apart = "" if change.control else change.key
        groups.setdefault((change.severity, change.host, change.control, change.deadline, apart), []).append(change)
    return list(groups.values())


def _line(alike: Sequence[Change], book: Phrasebook) -> str:
    first = alike[0]
    severity = f"{book.told(first.severity.value)}: " if first.severity else ""
    deadline = f": {book.told(first.deadline)}" if first.deadline else ""
    if len(alike) == 1:
        about = f" ({first.control}{f' {first.subject}' if first.subject else ''})" if first.control else ""
        text = visible_line(f"{_told(first, book)}{about}{deadline}")
    else:
        subjects = sorted(change.subject for change in alike)
        named = ", ".join(subjects[:NAMED]) + (", …" if len(subjects) > NAMED else "")
        text = visible_line(f"{first.control} ({len(alike)}): {named}{deadline}")
    text = without_addresses(text, book)
    shown = text if len(text) <= LENGTH else f"{text[:LENGTH]}…"
    return f"  {severity}{visible_line(first.host)}: {shown}"


def _told(change: Change, book: Phrasebook) -> str:
    """What happened in the reader's language, as far as anybody translated it."""
    known = book.find(change.text)
    if known is not None or not change.plain or book.find(change.kind.value) is None:
        return known or change.text
    return book.find(change.plain) or change.text


_V4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_V6 = r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}"
_ADDRESS = re.compile(rf"(?<![\w.:])(?:{_V4}|{_V6})(?:/\d{{1,3}})?(?!\w|\.\d)")
_INTERNAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Networks of RFC 1918, 3927, 4193, 4291 and 6598."""


def without_addresses(text: str, book: Phrasebook) -> str:
    """The text without addresses of internal networks: a mail passes machines that have no business with them."""
    return _ADDRESS.sub(lambda found: book.told("internal address") if _is_internal(found[0]) else found[0], text)


def _is_internal(written: str) -> bool:
    try:
        address = ipaddress.ip_interface(written).ip
    except ValueError:
        return False
    return any(address in network for network in _INTERNAL)
