"""What NAT and mark statements of libnftables-json(5) write into a packet."""

from __future__ import annotations

from typing import Any

from ...rules.marks import ALL
from ...rules.matches import NotUnderstoodError, NumberRange
from ...rules.ruleset import MarkChange, NatTarget
from .matches import address_range
from .text import tagged

_PORT = 65535


def nat_written(detail: Any) -> NatTarget | None:
    """The new address and port of `dnat`, `snat`, `redirect`, `masquerade`; None when they come from a map."""
    if not isinstance(detail, dict):
        return NatTarget()
    try:
        addresses = address_range(detail["addr"]) if "addr" in detail else None
        ports = _ports(detail["port"]) if "port" in detail else None
    except NotUnderstoodError:
        return None
    return NatTarget(addresses, ports)


def _ports(value: Any) -> NumberRange:
    match value:
        case int() if 0 <= value <= _PORT:
            return NumberRange(value, value)
        case {"range": [int(low), int(high)]} if 0 <= low <= high <= _PORT:
            return NumberRange(low, high)
    raise NotUnderstoodError("port is not a number or a range")


def mark_written(key: Any, value: Any) -> MarkChange | None:
    """What a `mark set` makes of the mark it names, or None when it takes something else into account."""
    if isinstance(value, int) and not isinstance(value, bool):
        return MarkChange(0, value & ALL)
    match tagged(value):
        case (("|" | "^" | "&" as operator), [left, int(operand)]):
            before = MarkChange(ALL, 0) if left == key else mark_written(key, left)
            if before is None:
                return None
            return _combined(before, operator, operand & ALL)
    return None


def _combined(before: MarkChange, operator: str, operand: int) -> MarkChange:
    match operator:
        case "&":
            return MarkChange(before.keep & operand, before.flip & operand)
        case "|":
            return MarkChange(before.keep & ~operand & ALL, before.flip & ~operand & ALL | operand)
    return MarkChange(before.keep, before.flip ^ operand)
