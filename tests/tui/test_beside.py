"""What differs between two hosts and between two scans, beyond what is wrong: what families show, and facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from secaudit.model.answer import HostTranscript
from secaudit.model.errors import UserError
from secaudit.model.panel import Panel, PanelLines, PanelTable, TitledPanel, Tone, Words
from secaudit.model.result import Result
from secaudit.store import Store
from secaudit.tui.dialogs import Choose
from secaudit.tui.finding.evidence import TextScreen
from secaudit.tui.host import panel_changes as changing
from secaudit.tui.host.beside import MOST_CHANGES, Side, beside
from secaudit.tui.host.panel_changes import fact_changes, panel_changes
from secaudit.tui.services import FactSheet, Services
from secaudit.tui.themes import LOOKS
from tests.tui.scenes import FINDINGS, HOSTILE, SCANNED, app, drive, fill, press, text, until

LOOK = LOOKS["mono"]


def strong(name: str, *cells: str) -> tuple[Words, ...]:
    return (Words(name, Tone.STRONG), *map(Words, cells))


def ports(*rows: tuple[Words, ...], lead: str = "") -> TitledPanel:
    return TitledPanel("network", "Ports", Panel(lead, (PanelTable("Ports", ("port", "listening", "seen"), rows),)))


def told(before: Sequence[TitledPanel], after: Sequence[TitledPanel]) -> list[str]:
    return [f"{change.sign} {change.text}" for one in panel_changes(before, after) for change in one.changes]


def facts(before: Sequence[FactSheet], after: Sequence[FactSheet]) -> list[str]:
    return [f"{change.sign} {change.text}" for one in fact_changes(before, after) for change in one.changes]


def test_rows_are_compared_by_what_they_are_about() -> None:
    before = ports(strong("tcp/22", "sshd", "open"), strong("tcp/80", "nginx", "open"), lead="2 ports")
    after = ports(strong("tcp/443", "nginx", "open"), strong("tcp/22", "dropbear", "open"), lead="2 ports")
    assert told([before], [after]) == [
        "+ tcp/443  nginx  open",
        "~ tcp/22  listening: sshd → dropbear",
        "- tcp/80  nginx  open",
    ]
    assert told([before], [ports(*reversed(before.panel.parts[0].rows), lead="2 ports")]) == []  # type: ignore[union-attr]  # a table


def test_the_first_strong_text_names_a_row_wherever_it_stands() -> None:
    def updates(*rows: tuple[str, str, str]) -> TitledPanel:
        head = ("kind", "package", "available")
        cells = tuple((Words(kind), Words(name, Tone.STRONG), Words(version)) for kind, name, version in rows)
        table = PanelTable(f"What apt would update ({len(rows)})", head, cells)
        return TitledPanel("patch", "Packages", Panel("", (table,)))

    before = updates(("update", "curl", "8.5-1"), ("update", "openssl", "3.0.14"))
    after = updates(("security", "openssl", "3.0.15"))
    assert told([before], [after]) == [
        "~ openssl  kind: update → security; available: 3.0.14 → 3.0.15",
        "- curl  update  8.5-1",
    ]


def test_lines_keep_their_order_and_numbers_and_counters_do_not_count() -> None:
    def chain(policy: str, *rules: str, first: int = 1) -> TitledPanel:
        lines = tuple(
            (Words(str(number), Tone.DIM), Words(rule), Words(f"  {number * first} packets", Tone.DIM))
            for number, rule in enumerate(rules, first)
        )
        part = PanelLines(f"inet filter input · input 0, policy {policy}", lines)
        return TitledPanel("firewall", "Firewall", Panel("", (part,)))

    one = chain("drop", "tcp dport 22 accept", "ct state established accept")
    assert told([one], [chain("drop", "tcp dport 22 accept", "ct state established accept", first=7)]) == []
    policy, *moved = told([one], [chain("accept", "ct state established accept", "tcp dport 22 accept")])
    assert policy == "~ inet filter input · input 0, policy drop → inet filter input · input 0, policy accept"
    assert sorted(change[0] for change in moved) == ["+", "-"]
    assert len({change[2:] for change in moved}) == 1


def test_panels_parts_and_leads_of_one_side_only() -> None:
    one = ports(strong("tcp/22", "sshd", "open"), lead="all known")
    assert told([], [one]) == ["+ all known"]
    assert told([one], []) == ["- all known"]
    assert told([one], [replace(one, panel=Panel("nothing known"))]) == [
        "~ all known → nothing known",
        "- tcp/22  sshd  open",
    ]


def test_facts_are_compared_item_by_item() -> None:
    before = FactSheet("Packages", ("manager: dpkg", "items: 2", "  name=curl  version=8.5", "  name=zsh  version=5"))
    after = FactSheet(
        "Packages", ("manager: rpm", "items: 2", "  name=curl  version=8.6  held=yes", "  name=jq  version=1")
    )
    assert facts([before], [after]) == [
        "~ manager  dpkg → rpm",
        "~ name=curl  version=8.5 → version=8.6; – → held=yes",
        "+ name=jq  version=1",
        "- name=zsh  version=5",
    ]
    assert facts([before], [before]) == []
    unproven = FactSheet("Packages", (), "unproven (denied): no permission")
    assert "+ trouble  unproven (denied): no permission" in facts([before], [unproven])


def test_items_are_named_by_as_many_values_as_tell_them_apart() -> None:
    ssh, web = "  protocol=tcp  port=22  process=sshd", "  protocol=tcp  port=80  process=nginx"
    before = FactSheet("Sockets", ("sockets: 2", ssh, web))
    after = FactSheet("Sockets", ("sockets: 2", ssh.replace("sshd", "dropbear"), web.replace("80", "443")))
    assert facts([before], [after]) == [
        "~ protocol=tcp  port=22  process=sshd → process=dropbear",
        "+ protocol=tcp  port=443  process=nginx",
        "- protocol=tcp  port=80  process=nginx",
    ]
    assert facts([replace(before, lines=("a", "a"))], [replace(before, lines=("a",))]) == ["- a"]


LINES = st.lists(st.sampled_from("abcde"), max_size=12)


@given(LINES, LINES)
def test_what_is_told_of_lines_leads_from_one_side_to_the_other(old: list[str], new: list[str]) -> None:
    """By hand of the texts alone, also where there are too many to be lined up."""
    for limit in (1000, 0):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(changing, "MOST_LINED_UP", limit)
            left = sorted(old)
            for change in changing._lines("", old, new):
                if change.sign == "-":
                    left.remove(change.text)
                else:
                    left.append(change.text)
            assert sorted(left) == sorted(new)


def test_what_is_shown_is_bounded_and_inert() -> None:
    many = ports(*(strong(f"tcp/{number}{HOSTILE}", "x" * 5000, "open") for number in range(MOST_CHANGES + 7)))
    shown = beside(Side(()), Side((), (many, replace(many, title=HOSTILE))), ("there", "here"), LOOK, 100).plain
    assert not set(shown) & {"\x1b", "\u202e"}
    assert len(shown) < 2 * MOST_CHANGES * 1500
    empty = beside(Side((), (many,)), Side((), (many,)), ("there", "here"), LOOK, 100).plain
    assert empty.count("no difference") == 2
    trouble = beside(Side((), trouble="no transcript"), Side((), (many,)), ("there", "here"), LOOK, 100).plain
    assert "there: no transcript" in trouble
    assert "not compared" in trouble


def services() -> Services:
    def panels(transcript: HostTranscript, _results: Sequence[Result]) -> Sequence[TitledPanel]:
        if transcript.host == "web3":
            raise UserError("no inventory")
        return (
            ports(strong("tcp/22", "sshd" if transcript.host == "web1" else "dropbear", f"{transcript.opened:%d}")),
        )

    return Services(panels=panels, facts=lambda one: (FactSheet("Names", (f"hostname: {one.host}",)),))


def test_another_host_is_compared_in_all_that_is_known(store: Store) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        app(pilot).open_host("muster", "web1")
        await press(pilot, "c")
        await until(pilot, lambda: isinstance(app(pilot).screen, Choose))
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app(pilot).screen, TextScreen))
        await until(pilot, lambda: "Facts" in text(pilot, "#text"))
        shown = text(pilot, "#text")
        assert "Wrong here only (2)" in shown
        assert "~ tcp/22  listening: dropbear → sshd" in shown
        assert "~ hostname  web2 → web1" in shown
        assert "+ web1 only  - web2 only  ~ web2 → web1" in shown

    drive(store, steps, services=services())


def test_the_scan_before_is_compared_in_all_that_is_known(store: Store) -> None:
    fill(store, FINDINGS, SCANNED - timedelta(days=1), "run-0")

    async def steps(pilot: Pilot[None]) -> None:
        app(pilot).open_host("muster", "web1")
        await until(pilot, lambda: bool(app(pilot).screen.query(".family")))
        await press(pilot, "v")
        await until(pilot, lambda: "Facts" in text(pilot, "#text"))
        shown = text(pilot, "#text")
        assert "~ tcp/22  seen: 23 → 24" in shown
        assert "no difference" in shown

    drive(store, steps, services=services())
