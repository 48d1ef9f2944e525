"""Rulesets of real hosts: what the analysis says about packets near their bounds is what the kernel does."""

from __future__ import annotations

import random

import pytest
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.ruleset import TableFamily
from secaudit.checks.firewall.verify.aiming import aimed_packets, aims, interfaces
from secaudit.checks.firewall.verify.ask import ask

from secaudit.model.observation import RulesetText, Syntax
from secaudit.verification.witness import witness
from tests.checks.firewall.reading import sample

PACKETS = 500


@pytest.mark.root
@pytest.mark.parametrize("syntax", [Syntax.IPTABLES, Syntax.IPTABLES_LEGACY])
@pytest.mark.parametrize("name", ["docker", "home_user", "openlab", "shorewall", "ufw_server2"])
def test_the_kernel_does_what_is_read(name: str, syntax: Syntax) -> None:
    text = sample(f"{name}_iptables-save.txt")
    ruleset = read_iptables_save(text, TableFamily.IP, name)
    names = interfaces(ruleset)
    packets = list(aimed_packets(aims(ruleset), names, PACKETS, random.Random(name).randrange))
    with witness(names) as kernel:
        comparison = ask(kernel, [RulesetText(syntax, text)], packets, ruleset)
    assert not comparison.mismatches, "\n".join(map(str, comparison.mismatches))
    assert len(comparison.unsent) < PACKETS * 0.3
    assert comparison.agreed > PACKETS * 0.3
