"""What is recorded and computed against the tools and the kernel of this machine.

The packet is the one that the analysis is about: it begins a connection, comes in through a veth pair, is addressed to
the host, and no rule names its address (outside of 10.0.0.0/8) or its port (discard, 9/udp). Nothing listens on the
port, so a packet that passes the filter is counted as one without a port (udp(7), /proc/net/snmp).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from secaudit.checks.firewall.collect import firewall
from secaudit.checks.firewall.conditions import Probe
from secaudit.checks.firewall.effective import Answer, state_default
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.matches import PacketFamily, State
from secaudit.checks.firewall.open_rules import open_rules
from secaudit.checks.firewall.ruleset import Hook

from tests.checks.firewall.judging_ipv6 import ON
from tests.checks.firewall.scenarios import ASKING, COMMANDS, SCENARIOS, Scenario, answers, recorded, run_loaded
from tests.checks.firewall.test_real_tools import ALL_CHECKS, shape
from tests.checks.judging import collect, judge, outcomes

WIRE = """
unshare -n sleep 30 &
peer=$!
until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
ip link add wan address 02:00:00:00:00:01 type veth peer name lan address 02:00:00:00:00:02 netns $peer
ip addr add 198.51.100.1/24 dev wan
ip addr add 2001:db8::1/64 dev wan nodad
ip link set wan up
nsenter -t $peer -n sh -e <<'EOF'
ip addr add 198.51.100.2/24 dev lan
ip addr add 2001:db8::2/64 dev lan nodad
ip link set lan up
ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 dev lan nud permanent
ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev lan nud permanent
EOF
"""

SEND = """
nsenter -t $peer -n bash -c 'echo > /dev/udp/198.51.100.1/9; echo > /dev/udp/2001:db8::1/9'
sleep 0.05
cat /proc/net/snmp > snmp
cat /proc/net/snmp6 > snmp6
kill $peer
"""


def delivered(folder: Path) -> dict[PacketFamily, int]:
    """How many packets came through the filter, by family."""
    names, counts = re.findall(r"^Udp: (.*)$", (folder / "snmp").read_text(), re.MULTILINE)
    ipv4 = dict(zip(names.split(), counts.split(), strict=True))["NoPorts"]
    ipv6 = dict(line.split() for line in (folder / "snmp6").read_text().splitlines())["Udp6NoPorts"]
    return {PacketFamily.IPV4: int(ipv4), PacketFamily.IPV6: int(ipv6)}


@dataclass(frozen=True)
class Loaded:
    """A scenario that was loaded here: what the tools print, and the packets that came through."""

    scenario: Scenario
    firewall: Firewall
    delivered: dict[PacketFamily, int]


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda scenario: str(scenario.name))
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("namespace")
    run_loaded(request.param, before=WIRE, after=f"{ASKING}\n{SEND}", folder=folder)
    fact = collect(firewall, *answers({name: (folder / name).read_text() for name in COMMANDS}))
    return Loaded(request.param, fact, delivered(folder))


@pytest.mark.root
def test_tools_of_today_print_what_was_recorded(loaded: Loaded) -> None:
    then = collect(firewall, *recorded(loaded.scenario.name))
    assert shape(loaded.firewall.ruleset) == shape(then.ruleset)
    for check in ALL_CHECKS:
        now = judge(check, {}, loaded.firewall, ON)
        assert outcomes(now) == outcomes(judge(check, {}, then, ON))


@pytest.mark.root
def test_the_kernel_does_what_is_computed(loaded: Loaded) -> None:
    ruleset = loaded.firewall.ruleset
    for family, count in loaded.delivered.items():
        answer = state_default(ruleset, Probe(family, State.NEW), Hook.INPUT).answer
        accepted = any(rule.certain for rule in open_rules(ruleset, family, Hook.INPUT))
        if answer is not Answer.UNKNOWN and not ruleset.unread:
            assert (family, count) == (family, 1 if answer is Answer.ACCEPT or accepted else 0)
