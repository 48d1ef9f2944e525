"""What the probe is asked and answers: one JSON object per line, in turn.

A request is `{"job": NAME, …arguments}`, an answer `{"ok": RESULT}` or `{"error": TEXT}`. Jobs:

- `namespace` → path of a new network namespace, which lasts as long as the probe;
- `listen` (namespace, group or interface): recognise packets that are logged to the nflog group, or that arrive at the
  interface, from now on;
- `connect` (namespace, packets): let connection tracking know the connections that the packets are replies in;
- `disconnect` (namespace): let connection tracking forget every connection;
- `send` (namespace, interface or null, first, packets) → how many were sent. Packets are numbered from `first`. With
  an interface they leave there as they are; without one the namespace's own stack sends them;
- `collect` (count, seconds) → [number, hook] of packets recognised since the last time: as soon as there are
  `count`, or after so many seconds. The hook is netfilter's number, 255 at an interface;
- `knock` (packets, rate, seconds) → [word, address in hexadecimal octets] for each: from the machine's own network, and
  what came back. `rate` is packets per second; what is not answered within `seconds` is sent again, twice. The words
  are those of `WORDS`, the address is empty for the last of them.
"""

from __future__ import annotations

from typing import NamedTuple

MAC = bytes.fromhex("020000005eca")
"""Where frames are addressed to: the interfaces behind the one that they are sent from must have this address."""

HOOK_INPUT, HOOK_OUTPUT, HOOK_POSTROUTING, NO_HOOK = 1, 3, 4, 255

WORDS = ("answer", "reset", "icmp-admin-prohibited", "icmp-unreachable", "silence")
"""What may come back for a packet."""

TRACKED, UNTRACKED = 0x5EC0, 0x5EC1
"""Identities of the probe's packets: the identification of IPv4, the flow label of IPv6."""


class Wording(NamedTuple):
    """A packet as it travels between the processes: a JSON array in this order. Addresses are hexadecimal octets."""

    source: str
    destination: str
    protocol: int
    source_port: int
    destination_port: int
    icmp_type: int
    icmp_code: int
    tcp_flags: int
    identity: int
    broken: bool
    """Whether the checksum of the transport protocol is wrong."""
