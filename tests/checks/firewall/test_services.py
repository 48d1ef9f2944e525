"""The service matrix: local, routed and published services, each stretch of ports asked about once."""

from __future__ import annotations

import random

import pytest
from secaudit.checks.firewall.analysis.forwarding import published_services, routed_services
from secaudit.checks.firewall.analysis.reach import Access, Reachability, Service, Way
from secaudit.checks.firewall.rules.matches import NumberRange, PacketFamily

from tests.checks.firewall.given import ruleset

IPV4 = PacketFamily.IPV4


def told(service: Service) -> list[tuple[str, bool]]:
    return [(str(part), access.certain) for access in service.access for part in access.sources]


@pytest.mark.parametrize("seed", range(8))
def test_listed_services_are_those_that_single_questions_find(seed: int) -> None:
    chance = random.Random(seed)
    lines = []
    for _ in range(30):
        low = chance.randrange(1, 40)
        ports = f"{low}:{low + chance.randrange(1, 8)}" if chance.random() < 0.3 else str(low)
        source = f"-s 10.{chance.randrange(4)}.0.0/16 " if chance.random() < 0.7 else ""
        extra = "-m limit --limit 1/sec " if chance.random() < 0.1 else ""
        port = f"-m tcp --dport {ports} " if chance.random() < 0.9 else ""
        lines.append(f"-A INPUT {source}-p tcp {port}{extra}-j {chance.choice(['ACCEPT', 'DROP'])}")
    reachability = Reachability(ruleset(*lines), IPV4)
    listed: dict[int, tuple[Access, ...]] = {
        port: service.access
        for service in reachability.services()
        if service.protocol == 6
        for port in range(service.ports.low, min(service.ports.high, 60) + 1)
    }
    for number in range(60):
        asked = reachability.service(6, NumberRange(number, number))
        assert {(a.sources, a.certain) for a in listed.get(number, ())} == {
            (a.sources, a.certain) for a in asked.access
        }


def test_many_services_are_listed_at_once() -> None:
    lines = [f"-A INPUT -s 10.0.{port % 9}.0/24 -p tcp -m tcp --dport {2 * port} -j ACCEPT" for port in range(1, 4001)]
    assert len(list(Reachability(ruleset(*lines), IPV4).services())) == 4000


def test_routed_services() -> None:
    found = list(routed_services(ruleset("-A FORWARD -d 10.1.0.0/24 -p tcp -m tcp --dport 25 -j ACCEPT"), IPV4))
    (service,) = found
    assert (service.way, service.label) == (Way.ROUTED, "tcp/25")
    assert [str(part) for part in service.access[0].destinations] == ["10.1.0.0/24"]
    assert not list(routed_services(ruleset(policy="DROP"), IPV4))


NAT = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT"""
THROUGH = "-A FORWARD -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT"


def published(*lines: str, nat: str = NAT) -> list[Service]:
    return list(published_services(ruleset(*lines, more=nat), IPV4))


def test_a_published_service_is_reached_from_where_all_its_rules_let_in() -> None:
    (service,) = published(THROUGH)
    assert (service.way, service.label, service.target) == (Way.PUBLISHED, "tcp/8080", "172.17.0.2:80")
    assert told(service) == [("0.0.0.0/0", True)]
    (service,) = published("-A FORWARD ! -s 10.0.0.0/8 -j DROP", THROUGH)
    assert told(service) == [("10.0.0.0/8", True)]
    (service,) = published("-A FORWARD -m nosuch -j DROP", THROUGH)
    assert told(service) == [("0.0.0.0/0", False)]


def test_what_no_rule_lets_through_is_not_published() -> None:
    assert published() == []
    assert published(THROUGH.replace("--dport 80 ", "--dport 8080 ")) == []
    assert published(THROUGH, nat=NAT.replace("-A DOCKER", "-A DOCKER -j RETURN\n-A DOCKER")) == []


def test_rules_before_the_translation_see_the_original_destination() -> None:
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 172.17.0.2/32 -j DROP\nCOMMIT\n"
    assert len(published(THROUGH, nat=raw + NAT)) == 1
    raw = raw.replace("-d 172.17.0.2/32", "-p tcp -m tcp --dport 8080")
    assert published(THROUGH, nat=raw + NAT) == []
