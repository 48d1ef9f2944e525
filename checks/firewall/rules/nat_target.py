"""The new address and port of iptables' DNAT, SNAT and REDIRECT: `10.0.0.1-10.0.0.9:80-90`, `[2001:db8::1]:80`."""

from __future__ import annotations

import re
from ipaddress import ip_address

from .matches import AddressRange, NumberRange
from .ruleset import NatTarget

# `/1000` behind a range of ports is the port that shifted ranges count from.
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5})(?:/\d{1,5})?)?", re.ASCII)


def nat_target(text: str) -> NatTarget | None:
    """Read what `--to-destination`, `--to-source` or `--to-ports` say (empty: nothing is said); None otherwise.

    A bare number is a port, as REDIRECT writes it.
    """
    if _PORTS.fullmatch(text):
        addresses, ports = "", text
    elif text.startswith("["):
        addresses, _, ports = text[1:].partition("]")
        ports = ports.removeprefix(":")
    elif text.count(":") <= 1:
        addresses, _, ports = text.partition(":")
    else:
        addresses, ports = text, ""
    try:
        return NatTarget(_addresses(addresses) if addresses else None, _ports(ports) if ports else None)
    except ValueError:
        return None


def _addresses(text: str) -> AddressRange:
    low, dash, high = text.partition("-")
    first = ip_address(low)
    last = ip_address(high) if dash else first
    if first.version != last.version or int(first) > int(last):
        raise ValueError("the range is empty")
    return AddressRange(first, last)


def _ports(text: str) -> NumberRange:
    found = _PORTS.fullmatch(text)
    if found is None:
        raise ValueError("is no range of ports")
    low, high = int(found[1]), int(found[2] or found[1])
    if not low <= high <= 65535:
        raise ValueError("the range is empty")
    return NumberRange(low, high)
