"""Statements that change a packet in the middle of its way, and conditions that hold for fewer packets than they name.

On each case the analysis and a kernel once disagreed; `tests/kernel` asks the kernel for all of their kind.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from secaudit.checks.firewall.analysis.anomalies import Kind, find_anomalies
from secaudit.checks.firewall.path.trace import Fate
from secaudit.checks.firewall.path.tracer import verdict
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily

from secaudit.cli.main import run
from tests.shared_data import shared

SSH_FORWARDED = "iif eth0 oif eth1 tcp 192.0.2.1:4000 -> 198.51.100.1:22"
SSH = "iif eth0 tcp 192.0.2.1:4000 -> 198.51.100.1:22"
PING = "iif eth0 icmp 192.0.2.1 -> 198.51.100.1"


def read(text: str) -> Ruleset:
    return read_iptables_save(text, TableFamily.IP, "x")


def before_routing(change: str) -> str:
    return (
        f"table inet m {{\nchain p {{\ntype filter hook prerouting priority -150;\n{change}\n}}\n}}\n"
        "table inet f {\nchain f {\ntype filter hook forward priority 0; policy drop;\n}\n}\n"
    )


def on_input(*rules: str, policy: str = "accept") -> str:
    body = "\n".join([f"type filter hook input priority 0; policy {policy};", *rules])
    return f"table inet f {{\nchain i {{\n{body}\n}}\n}}\n"


@pytest.mark.parametrize(
    "change",
    ["ip dscp set cs1", "ip ttl set 64", "tcp dport set 80", "tcp option maxseg size set 1400", "ct mark set 1"],
)
def test_a_change_of_another_field_leaves_the_packet_on_its_way(change: str) -> None:
    assert verdict(read_nft_ruleset(before_routing(change), "x"), read_packet(SSH_FORWARDED)).fate is Fate.DROP


def test_a_destination_that_is_overwritten_with_what_is_not_known_decides_nothing() -> None:
    text = before_routing("ip daddr set ip saddr")
    assert verdict(read_nft_ruleset(text, "x"), read_packet(SSH_FORWARDED)).fate is Fate.UNPROVEN


UNNAMED = "tcp dport 22 jump {\nip saddr 10.0.0.0/8 accept\ndrop\n}"


@pytest.mark.parametrize(
    ("rules", "packet", "fate"),
    [
        # Chains without a name keep their rules apart.
        ([UNNAMED], SSH, Fate.DROP),
        ([UNNAMED], SSH.replace("192.0.2.1", "10.9.9.9"), Fate.ACCEPT),
        ([UNNAMED], SSH.replace(":22", ":23"), Fate.ACCEPT),
        (["iifname eth0 goto {\ntcp dport 22 jump {\nreturn\n}\ndrop\n}"], SSH, Fate.DROP),
        # What a change writes to is asked for first.
        (["tcp dport set 80 drop"], PING, Fate.ACCEPT),
        (["tcp dport set 80 drop"], SSH, Fate.DROP),
        (["ip dscp set cs1 drop"], "iif eth0 tcp [2001:db8::1]:4000 -> [2001:db8::2]:22", Fate.ACCEPT),
        (["tcp dport set 80", "tcp dport 80 drop"], SSH, Fate.DROP),
        # A change holds although a condition behind it does not.
        (["meta mark set 1 tcp dport 80 accept", "meta mark 1 drop"], SSH, Fate.DROP),
        (["tcp dport 80 meta mark set 1 ip saddr 192.0.2.1 accept", "meta mark 1 drop"], SSH, Fate.ACCEPT),
        (["meta mark 0 meta mark set 1 meta mark 1 drop"], SSH, Fate.DROP),
        # A verdict map without the key ends the rule.
        (["ct state vmap { invalid : drop } drop"], SSH, Fate.ACCEPT),
        (["ct state vmap { invalid : drop, new : continue } drop"], SSH, Fate.DROP),
        # Without a connection no condition on one holds, negated or not.
        (["ct mark 0 drop"], SSH, Fate.DROP),
        (["ct mark 0 drop"], f"{SSH} invalid", Fate.ACCEPT),
        (["ct mark != 1 drop"], f"{SSH} untracked", Fate.ACCEPT),
        (["ct original protocol tcp drop"], f"{SSH} invalid", Fate.ACCEPT),
        (["meta mark set ct mark drop"], f"{SSH} invalid", Fate.ACCEPT),
        (["ct mark set 2", "meta mark set ct mark", "meta mark 2 drop"], SSH, Fate.DROP),
        (["ct mark set 2 drop"], f"{SSH} invalid", Fate.DROP),
        # A security association is asked of its own protocol.
        (["esp spi 256 drop"], SSH, Fate.ACCEPT),
        (["esp spi 256 drop"], "iif eth0 esp 192.0.2.1 -> 198.51.100.1", Fate.UNPROVEN),
        # Comparisons.
        (["tcp flags >= 2 drop"], SSH, Fate.DROP),
        (["tcp flags < syn drop"], SSH, Fate.ACCEPT),
        (["meta l4proto > 6 drop"], SSH, Fate.ACCEPT),
        (["meta l4proto > tcp drop"], "iif eth0 udp 192.0.2.1:1 -> 198.51.100.1:2", Fate.DROP),
        (["ip daddr <= 198.51.100.1 drop"], SSH, Fate.DROP),
        (["ip daddr > 198.51.100.1 drop"], SSH, Fate.ACCEPT),
    ],
)
def test_nft(rules: list[str], packet: str, fate: Fate) -> None:
    trace = verdict(read_nft_ruleset(on_input(*rules), "x"), read_packet(packet))
    assert trace.fate is fate, trace.because


@pytest.mark.parametrize(
    ("rule", "packet", "fate"),
    [
        ("-m connmark ! --mark 0x1/0x1 -j DROP", SSH, Fate.DROP),
        ("-m connmark ! --mark 0x1/0x1 -j DROP", f"{SSH} invalid", Fate.ACCEPT),
        ("-p esp -m esp --espspi 256 -j DROP", "iif eth0 esp 192.0.2.1 -> 198.51.100.1", Fate.UNPROVEN),
        ("-p ah -m ah --ahspi 256 -j DROP", SSH, Fate.ACCEPT),
    ],
)
def test_iptables(rule: str, packet: str, fate: Fate) -> None:
    text = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule}\nCOMMIT\n"
    assert verdict(read(text), read_packet(packet)).fate is fate


DNAT = "table ip n {{\nchain p {{\ntype nat hook prerouting priority -100;\n{} dnat to 203.0.113.9\n}}\n}}\n"


def test_errors_of_a_connection_are_translated_without_asking_a_rule() -> None:
    text = (
        DNAT.format("ip daddr 198.51.100.1")
        + "table ip f {\nchain f {\ntype filter hook forward priority 0; policy drop;\n}\n}\n"
    )
    packet = read_packet(f"{PING} type 3 code 3 related")
    assert verdict(read_nft_ruleset(text, "x"), packet).fate is Fate.ACCEPT


def test_a_multicast_that_is_translated_to_a_host_is_not_decided() -> None:
    text = (
        "table ip n {\nchain p {\ntype nat hook prerouting priority -100;\nudp dport 5353 dnat to 203.0.113.9\n}\n}\n"
    )
    packet = read_packet("iif eth0 udp 192.0.2.1:5353 -> 224.0.0.251:5353")
    assert verdict(read_nft_ruleset(text, "x"), packet).fate is Fate.UNPROVEN


@pytest.mark.parametrize(("chain", "fate"), [("output", Fate.ACCEPT), ("postrouting", Fate.DROP)])
def test_the_way_out_of_a_redirected_packet_changes_behind_output(chain: str, fate: Fate) -> None:
    text = (
        "table ip n {\nchain o {\ntype nat hook output priority -100;\ntcp dport 80 redirect to :8080\n}\n}\n"
        f"table ip f {{\nchain c {{\ntype filter hook {chain} priority 10;\noifname lo drop\n}}\n}}\n"
    )
    packet = read_packet("hook output oif eth0 tcp 192.0.2.1:4000 -> 198.51.100.1:80")
    assert verdict(read_nft_ruleset(text, "x"), packet).fate is fate


@pytest.mark.parametrize(
    "exception",
    [
        "-m limit --limit 3/min",
        "-m hashlimit --hashlimit-upto 3/min --hashlimit-name x",
        "-m connlimit --connlimit-upto 3",
        "-m recent --rcheck --name x",
        "-m time --timestart 08:00",
        "-m string --algo bm --string x",
        "-m mac --mac-source 02:00:00:00:00:01",
        "-m ttl --ttl-eq 64",
        "-m unheard --of it",
    ],
)
def test_a_rule_before_an_exception_is_needed(exception: str) -> None:
    rules = ["-A INPUT -s 203.0.113.9/32 -j DROP", f"-A INPUT -p tcp -m tcp --dport 22 {exception} -j ACCEPT"]
    text = "\n".join(["*filter", ":INPUT DROP [0:0]", *rules, "COMMIT", ""])
    found = find_anomalies(read(text)).found
    assert not [anomaly for anomaly in found if anomaly.kind is Kind.REDUNDANT]
    plain = find_anomalies(read(text.replace(f" {exception}", " -s 10.0.0.0/8"))).found
    assert [anomaly.kind for anomaly in plain] == [Kind.REDUNDANT]


def test_rejections_that_answer_otherwise_are_not_the_same() -> None:
    text = (
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
        "-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n-A INPUT -j REJECT --reject-with {}\nCOMMIT\n"
    )
    kinds = {
        answer: [anomaly.kind for anomaly in find_anomalies(read(text.format(answer))).found]
        for answer in ("icmp-proto-unreachable", "tcp-reset")
    }
    assert kinds == {"icmp-proto-unreachable": [], "tcp-reset": [Kind.REDUNDANT]}


UNLOADABLE = {"flowtable.nft", "mss-forward.nft"}
"""These need parts of a kernel that not every one has; they are read and audited only."""


@pytest.mark.root
def test_rulesets_on_which_the_kernel_once_disagreed(capsys: pytest.CaptureFixture[str]) -> None:
    rulesets = sorted(Path(shared("firewall/repro")).iterdir())
    assert len(rulesets) > 20
    for path in rulesets:
        assert run(["firewall", "audit", str(path)]) == 0, path.name
        if path.name not in UNLOADABLE:
            capsys.readouterr()
            assert run(["firewall", "verify", str(path), "--packets", "200"]) == 0, path.name
            assert ", 0 mismatches" in capsys.readouterr().out, path.name
