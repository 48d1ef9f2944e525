"""What statements of libnftables-json(5) write into a packet."""

from __future__ import annotations

from typing import Any

from ...rules.marks import ALL
from ...rules.matches import Address, NotUnderstoodError, NumberRange
from ...rules.numbers import WITH_PORTS
from ...rules.ruleset import Effect, MarkChange, NatTarget, Rewrite, RewrittenField, SetMark
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


_PORTS_OF = {"sport": RewrittenField.SOURCE_PORT, "dport": RewrittenField.DESTINATION_PORT}
_WRITTEN = {
    **{(name, field): kind for name in (*WITH_PORTS, "th") for field, kind in _PORTS_OF.items()},
    ("ip", "saddr"): RewrittenField.SOURCE,
    ("ip6", "saddr"): RewrittenField.SOURCE,
    ("ip", "daddr"): RewrittenField.DESTINATION,
    ("ip6", "daddr"): RewrittenField.DESTINATION,
    ("icmp", "type"): RewrittenField.ICMP_TYPE,
    ("icmpv6", "type"): RewrittenField.ICMP_TYPE,
    ("icmp", "code"): RewrittenField.ICMP_CODE,
    ("icmpv6", "code"): RewrittenField.ICMP_CODE,
    ("tcp", "flags"): RewrittenField.TCP_FLAGS,
}
# What no modelled condition asks for and what does not move other fields.
_HARMLESS = frozenset(
    [(name, field) for name in ("ip", "ip6") for field in ("dscp", "ecn")]
    + [("ip", "ttl"), ("ip", "id"), ("ip", "checksum"), ("ip6", "hoplimit"), ("ip6", "flowlabel")]
    + [("tcp", "sequence"), ("tcp", "ackseq"), ("tcp", "window"), ("tcp", "urgptr")]
    + [(name, "checksum") for name in ("tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6")]
    + [("ether", "saddr"), ("ether", "daddr"), ("vlan", "pcp"), ("vlan", "dei"), ("vlan", "cfi")]
    + [(name, field) for name in ("icmp", "icmpv6") for field in ("id", "sequence")]
)


def field_written(text: str, protocol: str, field: str, value: Any) -> Rewrite | Effect:
    """A header field that is overwritten. Raises `NotUnderstoodError` for one whose change is not modelled."""
    if (protocol, field) in _HARMLESS:
        return Effect(text)
    kind = _WRITTEN.get((protocol, field))
    if kind is None:
        raise NotUnderstoodError(f"what follows from another {protocol} {field} is not modelled")
    return Rewrite(text, kind, _constant(kind, value))


def _constant(kind: RewrittenField, value: Any) -> Address | int | None:
    """The value written, where it is one that is known."""
    if kind in (RewrittenField.SOURCE, RewrittenField.DESTINATION):
        try:
            written = address_range(value)
        except NotUnderstoodError:
            return None
        return written.low if written.low == written.high else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mark_set(text: str, key: Any, value: Any) -> SetMark:
    """What a `mark set` makes of the mark it names, from itself, from the other mark or from a number."""
    other = {"ct": {"key": "mark"}} if "meta" in key else {"meta": {"key": "mark"}}
    own = _mark_written(key, value)
    copied = _mark_written(other, value) if own is None else None
    return SetMark(text, own or copied, "ct" in key, copied=copied is not None)


def _mark_written(key: Any, value: Any) -> MarkChange | None:
    """The change that begins with one mark, or None when something else is taken into account."""
    if value == key:
        return MarkChange(ALL, 0)
    if isinstance(value, int) and not isinstance(value, bool):
        return MarkChange(0, value & ALL)
    match tagged(value):
        case (("|" | "^" | "&" as operator), [left, int(operand)]):
            before = _mark_written(key, left)
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
