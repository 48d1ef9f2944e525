"""What base chains accept as sets, against the way of single packets, on generated rulesets with several tables."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from secaudit.checks.firewall.analysis.acceptance import Acceptance
from secaudit.checks.firewall.path.trace import Fate
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import Hook, Ruleset
from secaudit.checks.firewall.sets.regions import Field, Region

from tests.checks.firewall.given import ruleset

CONDITIONS = (
    ("-s 10.0.0.0/8", "! -s 10.0.0.0/9", "-m iprange --src-range 10.0.0.3-10.0.0.9", ""),
    ("-d 192.0.2.1/32", "! -d 192.0.2.0/30", ""),
    ("-i eth0", "! -i eth+", "-i lo", ""),
    ("-p tcp -m tcp --dport 22", "-p tcp -m tcp --dport 20:30 --syn", "-p udp -m multiport --dports 53,123", "-p icmp"),
    ("-m conntrack --ctstate NEW", "-m conntrack --ctstate RELATED,ESTABLISHED", "-m limit --limit 1/sec", "", "", ""),
    ("-m addrtype --dst-type LOCAL", "-m nosuch --thing", "", "", "", "", ""),
)
VERDICTS = ("ACCEPT", "DROP", "REJECT", "RETURN", "one", "two", "LOG")


def generated(chance: random.Random) -> Ruleset:
    def lines(chain: str, count: int, verdicts: tuple[str, ...]) -> Iterator[str]:
        for _ in range(count):
            conditions = " ".join(part for choices in CONDITIONS if (part := chance.choice(choices)))
            yield f"-A {chain} {conditions} -j {chance.choice(verdicts)}"

    mangle = "\n".join(["*mangle", ":PREROUTING ACCEPT [0:0]", *lines("PREROUTING", 3, ("ACCEPT", "DROP")), "COMMIT"])
    rules = [*lines("INPUT", 8, VERDICTS), *lines("one", 4, (*VERDICTS[:4], "two")), *lines("two", 3, VERDICTS[:4])]
    return ruleset(*rules, policy=chance.choice(["DROP", "ACCEPT"]), chains="one two", more=mangle)


def points(found: Acceptance, asked: Region, chance: random.Random) -> Iterator[Region]:
    """Points of the region at the ends of what conditions name, and near them."""
    ends: dict[Field, set[int]] = {field: {0, found.last[field]} for field in Field}
    for region in (region for places in found.places for place in places for region in place.packets.upper):
        for field, allowed in region.items():
            ends[field] |= {max(edge + step, 0) for run in allowed for edge in run for step in (-1, 0, 1)}
    for _ in range(60):
        point: dict[Field, int] = {}
        for field in Field:
            allowed = asked.get(field, ((0, found.last[field]),))
            inside = [value for value in ends[field] if any(low <= value <= high for low, high in allowed)]
            point[field] = chance.choice(sorted(inside) or [allowed[0][0]])
        yield {field: ((value, value),) for field, value in point.items()}


def lies_in(point: Region, regions: list[Region]) -> bool:
    return any(
        all(any(low <= point[field][0][0] <= high for low, high in allowed) for field, allowed in region.items())
        for region in regions
    )


@pytest.mark.parametrize("seed", range(60))
def test_sets_and_single_packets_agree(seed: int) -> None:
    chance = random.Random(seed)
    known = generated(chance)
    found = Acceptance(known, PacketFamily.IPV4, Hook.INPUT)
    asked = found.from_network()
    sure, possible = found.accepted(asked)
    tracer = Tracer(known)
    for region in sure:
        assert tracer.trace(found.packet(region)).fate is Fate.ACCEPT
    for point in points(found, asked, chance):
        packet = found.packet(point)
        fates = tracer.trace(packet).possible
        if lies_in(point, sure):
            assert fates == {Fate.ACCEPT}, packet
        if not lies_in(point, possible):
            assert Fate.ACCEPT not in fates, packet
        if fates == {Fate.ACCEPT}:
            assert lies_in(point, possible), packet
