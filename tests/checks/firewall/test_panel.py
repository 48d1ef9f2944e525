"""The panel of this family: chains with what is wrong beside the rules, and what becomes of packets."""

from __future__ import annotations

import pytest
from secaudit.checks.firewall.facts import Firewall, Gap
from secaudit.checks.firewall.panel import packet_filter
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.rules.matches import PacketFamily

from secaudit.api import Facts, HostView, UnprovenKind
from secaudit.model.panel import Panel, PanelLines, PanelTable, Tone

RULES = """
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ip saddr 10.0.0.0/24 tcp dport 5432 accept
    tcp dport 22 drop
    ip saddr 10.0.0.7 tcp dport 22 accept
    iifname "eth1" tcp dport 443 jump web
  }
  chain web {
    ip saddr 192.0.2.0/24 accept
  }
}
"""


def panel_of(rules: str = RULES, *gaps: Gap) -> Panel:
    made = packet_filter.build(HostView(Facts({Firewall: Firewall(read_nft_ruleset(rules, "nft"), gaps, ())}), ()))
    assert isinstance(made, Panel)
    return made


def asked(question: str, made: Panel | None = None) -> list[str]:
    query = (made or panel_of()).query
    assert query is not None
    return [" ".join(word.text for word in line) for line in query.answer(question).lines]


def test_anomalies_stand_beside_their_rules() -> None:
    made = panel_of()
    services, chain, web = made.parts
    assert isinstance(services, PanelTable)
    assert [row[0].text for row in services.rows] == ["tcp/443", "tcp/5432"]
    assert isinstance(chain, PanelLines)
    assert isinstance(web, PanelLines)
    assert chain.caption == "inet filter input · input 0, policy drop"
    told = [" ".join(word.text for word in line).strip() for line in chain.lines]
    place = next(number for number, line in enumerate(told) if line.startswith("4 "))
    assert told[place + 1].startswith("▲ medium shadowed by rule 3")
    assert told[place + 2].endswith("tcp 10.0.0.7:40000 -> 192.0.2.1:22 flags syn new")
    assert chain.lines[place + 1][1].tone is Tone.MEDIUM


@pytest.mark.parametrize(
    ("question", "verdict", "decided"),
    [
        ("10.0.0.1 tcp/5432", "ACCEPT", "→ input inet filter input rule 2: "),
        ("tcp 10.0.0.1:4000 -> 192.0.2.1:5432 new", "ACCEPT", "→ input inet filter input rule 2: "),
        ("10.9.0.1 tcp/5432", "DROP", "→ input inet filter input policy ⇒ policy drop"),
        ("10.0.0.7 tcp/22", "DROP", "→ input inet filter input rule 3: "),
        ("iif lo tcp 10.0.0.7 -> 10.0.0.7:22", "ACCEPT", "→ input inet filter input rule 1: "),
        ("2001:db8::1 tcp/5432", "DROP", "policy ⇒ policy drop"),
    ],
)
def test_a_packet_gets_its_verdict_and_the_rule_that_decides(question: str, verdict: str, decided: str) -> None:
    lines = asked(question)
    assert lines[0].split()[0] == verdict
    assert sum("→ input" in line for line in lines) == 1
    assert any(decided in line for line in lines)


def test_interfaces_are_told_apart_where_it_matters() -> None:
    lines = asked("192.0.2.9 tcp/443")
    heads = [line for line in lines if line.startswith(("ACCEPT", "DROP"))]
    assert heads[0].startswith("ACCEPT through eth1")
    assert heads[1].startswith("DROP through any other interface")
    assert any("→ input inet filter web rule 1" in line for line in lines)


@pytest.mark.parametrize(
    ("question", "said"),
    [("what?", "say where the packet comes from"), ("10.0.0.1 tcp/70000", "not a port"), ("x tcp/1", "not an")],
)
def test_what_is_no_packet_is_answered_with_what_would_be(question: str, said: str) -> None:
    (line,) = asked(question)
    assert line.startswith("not understood: ")
    assert said in line


def test_what_could_not_be_seen_keeps_an_accept_unproven() -> None:
    gap = Gap(frozenset({PacketFamily.IPV4}), UnprovenKind.DENIED, "legacy tables were denied", ())
    made = panel_of(RULES, gap)
    assert "legacy tables were denied" in made.lead
    assert asked("10.0.0.1 tcp/5432", made)[0].startswith("UNPROVEN")
    assert asked("10.9.0.1 tcp/5432", made)[0].startswith("DROP")
