"""An analysis that is wrong by a little is caught."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily
from secaudit.checks.firewall.verify.aiming import aimed_packets, aims
from secaudit.checks.firewall.verify.ask import ask
from secaudit.checks.firewall.verify.compare import WrongCount, WrongFate

from secaudit.model.observation import RulesetText, Syntax
from secaudit.verification.witness import Witness, witness

TRUE = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:allowed - [0:0]
-A INPUT -s 10.0.0.0/23 -p tcp -m tcp --dport 1000:2000 -j allowed
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A FORWARD -i eth0 -p tcp -m tcp --tcp-flags SYN,ACK SYN -j DROP
-A allowed -m iprange --src-range 10.0.0.10-10.0.1.7 -j ACCEPT
COMMIT
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Witness]:
    with witness(["eth0"]) as running:
        yield running


def read(text: str) -> Ruleset:
    return read_iptables_save(text, TableFamily.IP, "file")


@pytest.mark.root
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("1000:2000", "1000:1999"),
        ("1000:2000", "1001:2000"),
        ("10.0.0.0/23", "10.0.0.0/22"),
        ("10.0.1.7", "10.0.1.6"),
        ("ESTABLISHED", "NEW"),
        ("--icmp-type 8", "--icmp-type 9"),
        ("-i eth0", "! -i eth0"),
        ("SYN,ACK SYN", "SYN SYN"),
        ("INPUT DROP", "INPUT ACCEPT"),
        ("FORWARD -m conntrack", "INPUT -m conntrack"),
        ("-j allowed", "-g allowed"),
    ],
)
def test_a_misread_rule_is_noticed(kernel: Witness, right: str, wrong: str) -> None:
    packets = list(aimed_packets(aims(read(TRUE)), ["eth0"], 1500, random.Random(5).randrange))
    loaded = [RulesetText(Syntax.IPTABLES, TRUE)]
    assert not ask(kernel, loaded, packets, read(TRUE)).mismatches
    comparison = ask(kernel, loaded, packets, read(TRUE.replace(right, wrong)))
    found = {type(mismatch) for mismatch in comparison.mismatches}
    # Where a goto and a jump lead to the same policy nothing differs.
    assert bool(found) is (wrong != "-g allowed")
    assert found <= {WrongFate, WrongCount}
    assert all(str(mismatch) for mismatch in comparison.mismatches)
