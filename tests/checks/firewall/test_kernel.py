"""What is recorded and computed against the tools and the kernel of this machine.

The packet is the one that the analysis is about: it begins a connection, comes in through a veth pair, is addressed to
the host, and no rule names its address (outside of 10.0.0.0/8) or its port (discard, 9/udp). Nothing listens on the
port, so a packet that passes the filter is counted as one without a port (udp(7), /proc/net/snmp).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from secaudit.checks.firewall.analysis.conditions import Probe
from secaudit.checks.firewall.analysis.effective import Answer, state_default
from secaudit.checks.firewall.analysis.open_rules import open_rules
from secaudit.checks.firewall.collect import firewall
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.rules.matches import PacketFamily, State
from secaudit.checks.firewall.rules.ruleset import Hook

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

# Column 12 of softnet_stat is the number of packets that the kernel has received and not yet looked at; the moment
# of waiting behind it is for the one in its hands.
SEND = """
nsenter -t $peer -n bash -c 'echo > /dev/udp/198.51.100.1/9; echo > /dev/udp/2001:db8::1/9'
until awk '$12 != "00000000" { busy = 1 } END { exit busy }' /proc/net/softnet_stat; do :; done
sleep 0.02
cat /proc/net/snmp > snmp
cat /proc/net/snmp6 > snmp6
"""

DONE = "kill $peer"


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
    run_loaded(request.param, before=WIRE, after=f"{ASKING}\n{SEND}\n{DONE}", folder=folder)
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


CONDITIONS = ["", "", "ct state new", "tcp dport 1", "ip saddr 192.0.2.1", 'iifname "lo"', "ct state established"]


def generated(chance: random.Random) -> str:
    """A ruleset of two base chains and four user chains; jumps lead to later chains only, as the kernel demands."""
    chains = [f"c{number}" for number in range(6)]
    text = ["flush ruleset", "table inet t {"]
    for number, name in reversed(list(enumerate(chains))):
        text.append(f"chain {name} {{")
        if number < 2:
            text.append(f"type filter hook input priority {number}; policy {chance.choice(['accept', 'drop'])};")
        for _ in range(chance.randint(0, 4)):
            verdicts = ["accept", "drop", "return", "counter"]
            verdicts += [
                f"{how} {chance.choice(chains[max(number + 1, 2) :])}" for how in ("jump", "goto", "jump") if number < 5
            ]
            text.append(f"{chance.choice(CONDITIONS)} {chance.choice(verdicts)}")
        text.append("}")
    return "\n".join([*text, "}", ""])


@pytest.mark.root
def test_the_way_through_chains_is_the_kernels(tmp_path: Path) -> None:
    chance = random.Random(7)
    rulesets = [generated(chance) for _ in range(40)]
    steps = []
    for number, text in enumerate(rulesets):
        (tmp_path / f"{number}.nft").write_text(text)
        steps.append(f"nft -f {number}.nft\nnft -j list ruleset > {number}.json\n{SEND}\nmv snmp {number}.snmp")
    run_loaded(Scenario("generated"), before=WIRE, after="\n".join([*steps, DONE]), folder=tmp_path)
    before = 0
    answers_seen = set()
    for number, text in enumerate(rulesets):
        (tmp_path / f"{number}.snmp").rename(tmp_path / "snmp")
        count = delivered(tmp_path)[PacketFamily.IPV4]
        ruleset = read_nft_json((tmp_path / f"{number}.json").read_text(), "nft")
        answer = state_default(ruleset, Probe(PacketFamily.IPV4, State.NEW), Hook.INPUT).answer
        assert count - before == (1 if answer is Answer.ACCEPT else 0), text
        before = count
        answers_seen.add(answer)
    assert answers_seen == {Answer.ACCEPT, Answer.DROP}
