"""A ruleset against what comes back from its host: what agrees, what differs, and what tells nothing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from secaudit.checks.firewall.path.trace import Fate
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily
from secaudit.checks.firewall.verify.live import Seen, predict, probes, uncounted

from secaudit.model.answered import Answered, Echo

HERE, THERE, ELSEWHERE = (ip_address(f"192.0.2.{number}") for number in (1, 2, 9))
RULES = """*filter
:INPUT DROP [0:0]
[0:0] -A INPUT -i lo -j ACCEPT
[{ssh}:0] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[0:0] -A INPUT -p udp -m udp --dport 53 -j ACCEPT
[0:0] -A INPUT -p tcp -m tcp --dport 25 -j REJECT
COMMIT
"""


def rules(ssh: int = 0) -> Ruleset:
    return read_iptables_save(RULES.format(ssh=ssh), TableFamily.IP, "v4")


def seen(protocol: int, port: int | None, echo: Echo, by: object = THERE) -> Seen:
    packets = probes(rules(), (), HERE, THERE, 30_000, 100)
    found = next(
        one
        for one in predict(rules(), packets)
        if (one.packet.protocol, one.packet.destination_port) == (protocol, port)
    )
    return Seen(found, Answered(echo, None if echo is Echo.SILENCE else by))  # type: ignore[arg-type]


def test_packets_are_sent_to_where_rules_change_their_mind() -> None:
    packets = probes(rules(), (), HERE, THERE, 30_000, 100)
    asked = {(packet.protocol, packet.destination_port) for packet in packets}
    assert {(6, 21), (6, 22), (6, 23), (17, 52), (17, 53), (17, 54), (6, 25), (1, None)} <= asked
    ports = [packet.source_port for packet in packets if packet.source_port]
    assert len(ports) == len(set(ports))
    assert len(probes(rules(), (), HERE, THERE, 30_000, 3)) == 3


def test_no_interface_but_the_loopback_is_thought_of() -> None:
    assert seen(6, 22, Echo.ANSWER).prediction.possible == {Fate.ACCEPT}
    assert seen(6, 80, Echo.SILENCE).prediction.possible == {Fate.DROP}


@pytest.mark.parametrize(
    ("protocol", "port", "echo", "differs", "proves"),
    [
        (6, 22, Echo.ANSWER, False, True),
        (6, 22, Echo.RESET, False, True),
        (6, 22, Echo.SILENCE, True, False),
        (6, 22, Echo.PROHIBITED, True, False),
        (6, 80, Echo.SILENCE, False, True),
        (6, 80, Echo.ANSWER, True, False),
        (6, 80, Echo.RESET, True, False),
        (6, 25, Echo.UNREACHABLE, False, True),
        (6, 25, Echo.SILENCE, True, False),
        (17, 53, Echo.SILENCE, False, False),
        (17, 53, Echo.UNREACHABLE, False, True),
        (17, 54, Echo.SILENCE, False, False),
        (17, 54, Echo.ANSWER, True, False),
        (1, None, Echo.SILENCE, False, True),
    ],
)
def test_what_comes_back_is_held_against_the_rules(
    protocol: int, port: int | None, echo: Echo, differs: bool, proves: bool
) -> None:
    one = seen(protocol, port, echo)
    assert (one.differs, one.proves) == (differs, proves)


def test_an_answer_from_the_way_is_a_difference_by_itself() -> None:
    one = seen(6, 25, Echo.PROHIBITED, ELSEWHERE)
    assert one.differs
    assert str(ELSEWHERE) in one.why


def test_rules_that_count_less_than_they_met_are_told() -> None:
    before = rules()
    packets = probes(before, (), HERE, THERE, 30_000, 100)
    found = [Seen(one, Answered(Echo.SILENCE)) for one in predict(before, packets)]
    compared, behind = uncounted(before, rules(ssh=1), found)
    assert compared == 3
    assert [(rule.rule.origin.line, rule.expected, rule.counted) for rule in behind] == [(5, 1, 0), (6, 1, 0)]
    compared, behind = uncounted(before, rules(ssh=9), found[:2])
    assert not behind
