"""Base chains that see the same packets: accepts that are not final, and conditions that come too early."""

from __future__ import annotations

import pytest
from secaudit.checks.firewall.analysis.conditions import Probe
from secaudit.checks.firewall.analysis.effective import Answer, state_default
from secaudit.checks.firewall.checks import hook_order
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.matches import PacketFamily, State
from secaudit.checks.firewall.rules.ruleset import Hook, Ruleset

from secaudit.api import Outcome, Severity, Verdict
from tests.checks.firewall.given import HARDENED, firewall, ruleset
from tests.checks.judging import judge, only, outcomes

P, F, U, N = Outcome.PASSED, Outcome.FAILED, Outcome.UNPROVEN, Outcome.NOT_APPLICABLE


def judged(found: Ruleset) -> list[Verdict]:
    return judge(hook_order.hook_order, {}, Firewall(found, (), ()))


def chain(table: str, rules: str, hook: str = "input", priority: str = "0", policy: str = "drop") -> str:
    base = f"type filter hook {hook} priority {priority}; policy {policy};"
    return f"table {table} {{\n  chain {hook} {{\n    {base}\n    {rules}\n  }}\n}}\n"


def nft(*chains: str) -> Ruleset:
    return read_nft_ruleset("".join(chains), "file")


def test_one_base_chain_per_hook_has_no_surprises() -> None:
    assert only(judge(hook_order.hook_order, {}, firewall(*HARDENED))).outcome is P
    mangle = "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT\nCOMMIT"
    assert only(judged(ruleset(*HARDENED, more=mangle))).outcome is P


def test_an_accept_that_a_later_chain_drops_is_without_effect() -> None:
    early = chain("inet early", "tcp dport 8080 accept", priority="-10", policy="accept")
    late = chain("inet main", "ct state established accept; tcp dport 22 accept")
    found = only(judged(nft(early, late)))
    assert (found.outcome, found.subject) == (F, "inet early input: tcp dport 8080 accept")
    assert found.severity is None
    assert "dropped by the policy of inet main input" in found.observed
    assert ":8080" in found.observed
    assert [part.lines for part in found.evidence] == [(4, 4), (8, 8)]


def test_an_accept_of_which_a_part_is_dropped_by_default_is_minor() -> None:
    early = chain("inet early", "tcp dport 22 accept", priority="-10")
    late = chain("inet main", "ip saddr 10.0.0.0/8 tcp dport 22 accept; ip6 saddr fd00::/8 tcp dport 22 accept")
    found = only(judged(nft(early, late)))
    assert (found.outcome, found.severity) == (F, Severity.LOW)
    blocklist = chain("inet late", "ip saddr 198.51.100.0/24 drop", priority="10", policy="accept")
    assert only(judged(nft(chain("inet main", "tcp dport 22 accept"), blocklist))).outcome is P


def test_iptables_and_native_tables_are_on_the_same_hook() -> None:
    native = nft(chain("inet mine", "tcp dport 8443 accept", priority="-1", policy="accept"))
    both = Ruleset((*native.tables, *ruleset(*HARDENED).tables))
    found = [verdict for verdict in judged(both) if verdict.outcome is F]
    assert [verdict.subject for verdict in found] == ["inet mine input: tcp dport 8443 accept"]
    assert "ip filter INPUT" in found[0].observed


@pytest.mark.parametrize(
    ("priority", "answer"), [("-300", Answer.DROP), ("-200", Answer.UNKNOWN), ("-199", Answer.ACCEPT)]
)
def test_the_default_counts_packets_as_invalid_before_connections_are_looked_up(priority: str, answer: Answer) -> None:
    found = nft(chain("inet early", "ct state invalid drop", "prerouting", priority, "accept"))
    assert state_default(found, Probe(PacketFamily.IPV4, State.NEW), Hook.INPUT).answer is answer


def test_what_is_not_understood_may_accept_all_the_same() -> None:
    early = chain("inet early", "tcp dport 8080 accept", priority="-10", policy="accept")
    late = chain("inet main", "fib saddr . mark oif 7 accept")
    assert F not in {verdict.outcome for verdict in judged(nft(early, late))}


@pytest.mark.parametrize(
    ("rules", "hook", "priority", "outcome"),
    [
        ("ct state established accept", "prerouting", "raw", F),
        ("ct state invalid drop", "prerouting", "-200", U),
        ("ct state invalid drop", "prerouting", "mangle", P),
        ("ct mark 7 drop", "output", "raw", F),
        ("ct state untracked accept", "prerouting", "raw", P),
        ("ct status dnat drop", "prerouting", "mangle", F),
        ("ct status dnat drop", "prerouting", "filter", P),
        ("tcp dport 22 drop", "prerouting", "raw", P),
    ],
)
def test_conditions_that_come_before_what_they_ask_for(rules: str, hook: str, priority: str, outcome: Outcome) -> None:
    found = judged(nft(chain("inet early", rules, hook, priority, "accept")))
    assert set(outcomes(found).values()) == {outcome}
