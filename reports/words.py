"""The report's English: counts, lists, dates, and what each reason for `unproven` asks for.

Sentences are built here and in `verdict`; templates hold headings and labels only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from secaudit.model.outcome import UnprovenKind
from secaudit.model.run import HostRecord

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MOST_SPANS = 40
"""Parts that a sentence may have to be split at its backticks; no honest one has more."""

_DIGITS = re.compile(r"(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class KindWords:
    """A kind of `unproven` for readers: the word, and what would settle it."""

    word: str
    settle: str


KINDS: dict[UnprovenKind, KindWords] = {
    UnprovenKind.UNREACHABLE: KindWords(
        "unreachable",
        "Make the host answer the scanner: address, route, SSH service, host key, login. Then scan that host again.",
    ),
    UnprovenKind.DENIED: KindWords(
        "denied",
        "Grant the audit user what `secaudit sudoers` prints for this baseline. Then scan again.",
    ),
    UnprovenKind.MISSING: KindWords(
        "command missing",
        "Install the command that is named, or drop the control from this host's baseline if it has no place there.",
    ),
    UnprovenKind.TIMEOUT: KindWords(
        "timed out",
        "Find out why the command hangs (load, storage, network mount, name service). Then scan that host again.",
    ),
    UnprovenKind.TRUNCATED: KindWords(
        "output cut off",
        "The answer is longer than its limit. Raise the limit, or shorten what the host prints.",
    ),
    UnprovenKind.ERROR: KindWords(
        "command failed",
        "Run the command that is named on the host and mend the cause of its error. Then scan again.",
    ),
    UnprovenKind.NOT_UNDERSTOOD: KindWords(
        "not understood",
        "Look at the line that is shown. Rewrite it in a form that is known, or report it with its transcript.",
    ),
    UnprovenKind.STALE: KindWords(
        "out of date",
        "Renew the reference data that is named: `secaudit feed update`, or the host's package lists.",
    ),
    UnprovenKind.NOT_RECORDED: KindWords(
        "not recorded",
        "The replayed transcript lacks this answer. Scan the host itself with the present baseline.",
    ),
    UnprovenKind.PLUGIN: KindWords(
        "check broken",
        "Mend or update the plugin that is named. The recorded transcript can then be judged without a new scan.",
    ),
}

NO_KIND = KindWords("no kind given", "The check does not say what stood in its way. Look at its reason and evidence.")


SYSTEMS = {
    "almalinux": "AlmaLinux",
    "alpine": "Alpine",
    "amzn": "Amazon Linux",
    "arch": "Arch Linux",
    "centos": "CentOS",
    "debian": "Debian",
    "fedora": "Fedora",
    "ol": "Oracle Linux",
    "opensuse-leap": "openSUSE Leap",
    "rhel": "RHEL",
    "rocky": "Rocky Linux",
    "sles": "SLES",
    "ubuntu": "Ubuntu",
}
"""Proper names by the `ID` of os-release(5)."""


STANDARDS = {
    "bsi": "BSI IT-Grundschutz",
    "cis-v8": "CIS Controls v8",
    "iso-27001": "ISO/IEC 27001",
    "nis2": "NIS 2",
    "nist-800-53": "NIST SP 800-53",
    "pci-4.0": "PCI DSS 4.0",
}
"""What standards are called, by the keys that baselines use for them."""


def standard(key: str) -> str:
    """The name of a standard; a key that is not known stands for itself."""
    return STANDARDS.get(key, key)


def system(host: HostRecord) -> str:
    """`Debian 12`; empty when the operating system is not known."""
    return f"{SYSTEMS.get(host.os_id, host.os_id)} {host.os_version}".strip()


def plural(count: int, singular: str, several: str = "") -> str:
    """`1 host`, `12 hosts`, `1,204 hosts`."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"


def spelt(count: int, singular: str, several: str = "") -> str:
    """Like `plural`, with numbers up to twelve in words: `one host`, `no hosts`."""
    number = _SMALL[count] if count < len(_SMALL) else f"{count:,}"
    return f"{number} {singular if count == 1 else several or singular + 's'}"


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def listed(items: Sequence[str], most: int = 4, noun: str = "") -> str:
    """`a`, `a and b`, `a, b and c`, and beyond `most` items `a, b, c and 9 more hosts` (for the noun `hosts`)."""
    if len(items) > most:
        shown = items[: most - 1]
        return f"{', '.join(shown)} and {len(items) - len(shown):,} more{noun and f' {noun}'}"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def minute(moment: datetime) -> str:
    """`2026-10-31 02:10 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(moment: datetime) -> str:
    """`2026-10-31`, the day in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


def period(start: datetime, end: datetime | None) -> str:
    """`2026-10-31 02:10 to 02:21 UTC`; the second day is named when it differs."""
    if end is None:
        return f"{minute(start)}, not finished"
    if minute(start) == minute(end):
        return minute(start)
    if day(start) == day(end):
        return f"{start.astimezone(UTC):%Y-%m-%d %H:%M} to {end.astimezone(UTC):%H:%M} UTC"
    return f"{start.astimezone(UTC):%Y-%m-%d %H:%M} to {minute(end)}"


def spans(text: str) -> tuple[tuple[bool, str], ...]:
    """Split at backticks: (is code, part) in turn. Text with a stray backtick, or with too many, stays as it is."""
    parts = text.split("`", MOST_SPANS)
    if len(parts) % 2 == 0 or len(parts) > MOST_SPANS:
        return ((False, text),)
    return tuple((bool(number % 2), part) for number, part in enumerate(parts) if part)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts `tcp/443` before `tcp/8080` and `web2` before `web10`."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _DIGITS.split(text) if part)


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Each item once, in order of first appearance."""
    return tuple(dict.fromkeys(items))
