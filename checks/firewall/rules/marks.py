"""What the targets MARK and CONNMARK of iptables-extensions(8) make of a mark."""

from __future__ import annotations

import re

from .ruleset import MarkChange

ALL = 0xFFFFFFFF

_VALUE = re.compile(r"(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})(?:/(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}))?")


def mark_change(option: str, text: str) -> MarkChange | None:
    """What an option with `value[/mask]` does, or None when it is not understood."""
    found = _VALUE.fullmatch(text)
    if found is None:
        return None
    value = int(found[1], 0)
    mask = int(found[2], 0) if found[2] else ALL
    match option:
        case "--set-xmark":
            return MarkChange(ALL ^ mask & ALL, value)
        case "--set-mark":
            return MarkChange(ALL ^ (mask | value) & ALL, value)
        case "--or-mark":
            return MarkChange(ALL ^ value, value)
        case "--and-mark":
            return MarkChange(value, 0)
        case "--xor-mark":
            return MarkChange(ALL, value)
    return None
