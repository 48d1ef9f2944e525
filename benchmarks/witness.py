"""How many verdicts a second the kernel gives through the probe, in processor time of both processes."""

from __future__ import annotations

import os
import random
import time
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.report import Bar, table
from secaudit.model.observation import RulesetText, Syntax
from secaudit.model.packet import TCP, Direction, Packet
from secaudit.verification.witness import witness

PACKETS = 40_000
RULES = "tcp dport 0-29999 counter accept\n" + "tcp dport 1 counter drop\n" * 20
RULESET = f"table ip t {{ chain c {{ type filter hook forward priority 0; policy drop;\n{RULES}}}\n}}"


def measure() -> tuple[str, list[Bar]]:
    """Send packets past a ruleset of 21 rules, and hold every verdict against what the rules say."""
    packets = list(_packets(PACKETS))
    before = _children()
    with witness() as kernel:
        kernel.observe([], packets[:10])  # the probe is warm
        probe = _children() - before
        begun, by_clock = _used(probe), time.perf_counter()
        observation = kernel.observe([RulesetText(Syntax.NFT, RULESET)], packets)
        seconds, wall = _used(probe) - begun, time.perf_counter() - by_clock
    wrong = sum(
        (fate is not None and fate.accepted) != (packet.destination_port < 30000)
        for packet, fate in zip(packets, observation.fates, strict=True)
    )
    rows = [[str(PACKETS), f"{PACKETS / seconds:.0f}", f"{PACKETS / wall:.0f}", str(wrong)]]
    bars = [
        Bar("verdicts per CPU second", PACKETS / seconds, 20_000, "/s", at_least=True),
        Bar("wrong verdicts", wrong, 0, "packets", at_least=False),
    ]
    return table("Verdicts of the kernel", ["packets", "per CPU second", "per second", "wrong"], rows), bars


def _packets(count: int) -> list[Packet]:
    chance = random.Random(1)

    def address() -> IPv4Address:
        return IPv4Address(chance.randrange(1 << 24, 1 << 26))

    return [Packet(Direction.FORWARD, TCP, address(), address(), 1024, chance.randrange(65536)) for _ in range(count)]


def _used(children: set[int]) -> float:
    """Processor seconds of this process and of those: proc(5), fields 14 and 15 of stat."""
    ticks = 0
    for child in children:
        ticks += sum(map(int, Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}
