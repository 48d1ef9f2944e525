"""Listening sockets from ss(8), asked for IPv4 and IPv6 apart because older releases print `*` for both."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from secaudit.api import Answer, Unproven, UnprovenKind

from .facts import Socket

_LINE = re.compile(r"(tcp|udp)\s+(LISTEN|UNCONN)\s+\d+\s+\d+\s+(\S+):(\d{1,5})\s+\S+:(?:\*|\d+)(?:\s(.*))?", re.ASCII)
_OWNER = re.compile(r'users:\(\("(.{1,15}?)",(?:pid=)?\d+')
_V6ONLY = re.compile(r"(?:^|\s)v6only:([01])(?=\s|$)")


def read_sockets(answer: Answer, version: int) -> Iterator[Socket]:
    """The sockets of `ss -H -l -n -t -u -p -e` with `-4` or `-6` (`version`).

    Where an old ss does not tell whether a `::` socket is for IPv6 only, it counts as open for both. Raises
    `Unproven` for a line of another form, so that no socket is overlooked.
    """
    for number, line in enumerate(answer.lines, 1):
        found = _LINE.fullmatch(line.rstrip())
        address = _address(found[3], version) if found else None
        if found is None or address is None or int(found[4]) > 65535:
            raise Unproven(
                UnprovenKind.NOT_UNDERSTOOD,
                f"line {number} of the list of sockets has a form that is not known",
                (answer.evidence(number),),
            )
        # The name of a process is its owner's to choose and may hold anything, so only the last word counts.
        rest = found[5] or ""
        owner, v6only = _OWNER.search(rest), _V6ONLY.findall(rest)
        yield Socket(
            protocol=found[1],
            address=address[0],
            port=int(found[4]),
            interface=address[1],
            process=owner[1] if owner else "",
            dual_stack=address[0] == "::" and v6only[-1:] != ["1"],
            evidence=answer.evidence(number),
        )


def _address(written: str, version: int) -> tuple[str, str] | None:
    literal, _, interface = written.partition("%")
    if interface.endswith("]"):
        literal, interface = literal + "]", interface[:-1]
    if literal == "*":
        return ("0.0.0.0" if version == 4 else "::"), interface  # noqa: S104 - read from a host, bound by nobody here
    try:
        address = ipaddress.ip_address(literal.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if address.version != version:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(address), interface
