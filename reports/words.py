"""What all reports write alike in every language: times in UTC, proper names, code between backticks, orders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from secaudit.model.run import HostRecord

MOST_SPANS = 40
"""Parts that a sentence may have to be split at its backticks; no honest one has more."""

_DIGITS = re.compile(r"(\d{1,18})", re.ASCII)


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


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def minute(moment: datetime) -> str:
    """`2026-10-31 02:10 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(moment: datetime) -> str:
    """`2026-10-31`, the day in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d")


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
