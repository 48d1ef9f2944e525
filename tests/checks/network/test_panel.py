"""Ports side by side: what is intended, listens, is accepted and is seen, and what they say about each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from secaudit.checks.firewall.facts import Firewall
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.host.facts import ListeningSockets, Socket
from secaudit.checks.network.expectations import ListeningServices, OpenPorts
from secaudit.checks.network.facts import PortScanResult, ScannedPort, ScannedPorts
from secaudit.checks.network.panel import ports

from secaudit.api import Evidence, Expect, Facts, HostView, Outcome, Severity, Unproven, UnprovenKind
from secaudit.model.panel import Panel, PanelTable, Tone
from tests.tui.scenes import result

EVIDENCE = Evidence("test", 0, None, "")
RULES = """
table inet filter { chain input { type filter hook input priority 0; policy drop;
  iifname "lo" accept
  tcp dport { 22, 8080, 9999 } accept
} }
"""


def socket(number: int, process: str, address: str = "0.0.0.0") -> Socket:
    return Socket("tcp", address, number, "", process, dual_stack=False, evidence=EVIDENCE)


SOCKETS = ListeningSockets(
    (
        socket(22, "sshd"),
        socket(8080, "app\x1b[31m"),
        socket(3000, "grafana"),
        socket(5432, "postgres", "127.0.0.1"),
    )
)
SEEN = tuple(ScannedPort("tcp", number, "open", "syn-ack", "", EVIDENCE) for number in (22, 8080))
SCANS = ScannedPorts((("tcp", "1-65535", PortScanResult("tcp", "1-65535", SEEN, (("filtered", 65533),), EVIDENCE)),))
EXPECTED = (ListeningServices(tcp=("22", "443")), OpenPorts(tcp={"22": "any"}))


def panel_of(expectations: tuple[Expect, ...] | None = EXPECTED, **facts: object) -> Panel:
    known = {ListeningSockets: SOCKETS, Firewall: Firewall(read_nft_ruleset(RULES, "nft"), (), ()), ScannedPorts: SCANS}
    known |= {fact: facts[fact.__name__] for fact in known if fact.__name__ in facts}
    judged = replace(result("web1", "tcp/22", Outcome.PASSED, Severity.HIGH), check="network.listening-services")
    made = ports.build(HostView(Facts(known), (judged,), expectations))
    assert isinstance(made, Panel)
    return made


def rows(made: Panel) -> dict[str, tuple[str, ...]]:
    (table,) = made.parts
    assert isinstance(table, PanelTable)
    return {row[0].text: tuple(word.text for word in row[1:]) for row in table.rows}


def test_the_four_sources_stand_side_by_side() -> None:
    found = rows(panel_of())
    assert found["tcp/22"][0] == "open to any"
    assert found["tcp/22"][1] == "sshd on 0.0.0.0"
    assert found["tcp/22"][3:] == ("open", "as intended")
    assert found["tcp/8080"][3:] == ("open", "open from outside, not in the baseline")
    assert found["tcp/3000"][2:] == ("nobody", "filtered", "listens, not in the baseline (the firewall closes it)")
    assert found["tcp/5432"][4] == ""
    assert found["tcp/9999"][1:] == ("nothing", found["tcp/22"][2], "filtered", "accepted, but nothing listens")
    assert found["tcp/443"][4] == "named, but nothing listens"
    assert panel_of().lead == ""


@pytest.mark.parametrize(
    ("fact", "column"), [("ListeningSockets", 1), ("Firewall", 2), ("ScannedPorts", 3)], ids=["ss", "nft", "nmap"]
)
def test_what_is_not_known_is_no_no(fact: str, column: int) -> None:
    made = panel_of(EXPECTED, **{fact: Unproven(UnprovenKind.DENIED, "it was denied")})
    assert "(it was denied)" in made.lead
    assert rows(made)["tcp/22"][column] in ("?", "not scanned")
    (table,) = made.parts
    assert isinstance(table, PanelTable)
    unsure = next(row for row in table.rows if row[0].text == "tcp/22")
    assert unsure[column + 1].tone is Tone.UNSURE


def test_without_baselines_the_newest_scan_tells_what_it_allowed() -> None:
    assert rows(panel_of(None))["tcp/22"][0] == "may listen"
    made = ports.build(HostView(Facts({ListeningSockets: SOCKETS}), ()))
    assert isinstance(made, Panel)
    assert "--inventory" in made.lead
    assert rows(made)["tcp/22"][0] == "?"
