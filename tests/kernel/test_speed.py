"""How many verdicts a second the kernel gives, in processor time so that a busy machine does not matter."""

from __future__ import annotations

import os
import random
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from secaudit.model.observation import RulesetText, Syntax
from secaudit.model.packet import TCP, Direction, Packet
from secaudit.verification.witness import witness

PACKETS = 40_000
VERDICTS_PER_SECOND = 20_000


def used(children: list[int]) -> float:
    """Processor time of this process and of those: proc(5), fields 14 and 15 of stat."""
    ticks = 0
    for child in children:
        ticks += sum(map(int, Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.root
def test_verdicts_come_fast_and_none_is_wrong() -> None:
    chance = random.Random(1)
    ends = [IPv4Address(chance.randrange(1 << 24, 1 << 26)) for _ in range(2 * PACKETS)]
    packets = [
        Packet(Direction.FORWARD, TCP, source, destination, 1024, chance.randrange(65536))
        for source, destination in zip(ends[:PACKETS], ends[PACKETS:], strict=True)
    ]
    rules = "tcp dport 0-29999 counter accept\n" + "tcp dport 1 counter drop\n" * 20
    ruleset = f"table ip t {{ chain c {{ type filter hook forward priority 0; policy drop;\n{rules}}}\n}}"
    before = children()
    with witness() as kernel:
        kernel.observe([], packets[:10])
        probe = [child for child in children() if child not in before]
        begun = used(probe)
        observation = kernel.observe([RulesetText(Syntax.NFT, ruleset)], packets)
        seconds = used(probe) - begun
    expected = [packet.destination_port < 30000 for packet in packets]
    assert [fate is not None and fate.accepted for fate in observation.fates] == expected
    assert observation.counters[0].packets == sum(expected)
    assert PACKETS / seconds > VERDICTS_PER_SECOND
