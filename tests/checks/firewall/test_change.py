"""What changed between two scans of a packet filter: every planted edit is told with its packet, and nothing else."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall import FAMILY
from secaudit.checks.firewall.analysis.changes import changes
from secaudit.checks.firewall.analysis.edits import Edit, EditKind, edits
from secaudit.checks.firewall.collect import IPTABLES, NFT
from secaudit.checks.firewall.facts import Firewall, Gap
from secaudit.checks.firewall.path.trace import Fate
from secaudit.checks.firewall.path.tracer import Tracer
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.report import change as section
from secaudit.checks.firewall.report.change import MOST_EDITS, MOST_PACKETS, SAYS, changed
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily

from secaudit.api import Request, Unproven, UnprovenKind
from secaudit.api.translation import catalogue
from secaudit.model.section import Cell, Mark, Phrase, Section, Table, Text, told
from tests.checks.firewall.reading import sample

RULES = (
    "ct state established,related accept",
    'iifname "lo" accept',
    'ip saddr 10.20.0.0/24 tcp dport 22 accept comment "admin"',
    "tcp dport 443 accept",
    "udp dport 53 accept",
)
OPENS = 'tcp dport 5432 accept comment "for a test"'


def nft(*rules: str, policy: str = "drop", more: str = "") -> Ruleset:
    head = f"type filter hook input priority 0; policy {policy};"
    return read_nft_ruleset("\n".join(["table inet filter {", more, "chain input {", head, *rules, "}", "}"]), "file")


def seen(ruleset: Ruleset, *gaps: Gap) -> Firewall:
    return Firewall(ruleset, gaps, ())


def between(before: Ruleset, after: Ruleset) -> Section:
    found: Section | None = changed(seen(before), seen(after))
    assert found is not None
    return found


def rows(found: Section, caption: str) -> list[tuple[str, ...]]:
    return [
        tuple(told(cell.text, {}) for cell in row)
        for table in found.parts
        if isinstance(table, Table) and told(table.caption, {}) == caption
        for row in table.rows
    ]


def packets(found: Section) -> list[tuple[str, ...]]:
    return rows(found, "Packets that fare otherwise now, one of each kind")


def edited(found: Section) -> list[tuple[str, ...]]:
    return rows(found, "What was edited")


def lead(found: Section) -> list[str]:
    return [told(text, {}) for text in found.lead]


def test_a_planted_rule_is_told_with_a_packet_that_really_fares_otherwise() -> None:
    before, after = nft(*RULES), nft(*RULES[:3], OPENS, *RULES[3:])
    found = between(before, after)
    assert lead(found) == [
        section.OPENED,
        "Rules and elements of sets: 1 added, 0 removed, 0 moved, 0 changed.",
    ]
    assert edited(found) == [("added", "inet filter input, rule 4", "", OPENS)]
    ((sentence, packet, was, now),) = packets(found)
    assert sentence == "tcp from 198.51.100.7 to port 5432 was dropped, is let through now"
    assert (was, now) == ("the chain's policy", OPENS)
    for text in packet.split("; "):
        witness = read_packet(text)
        assert [Tracer(side).trace(witness).fate for side in (before, after)] == [Fate.DROP, Fate.ACCEPT]
    assert len(packet.split("; ")) == len(PacketFamily), "the same rule opens both families"


@pytest.mark.parametrize(
    ("after", "verdict", "kind"),
    [
        (RULES[:3] + RULES[4:], section.CLOSED, ("removed", "inet filter input, rule 4", RULES[3], "")),
        ((*RULES[:2], RULES[4], *RULES[2:4]), section.SAME, ("moved", "inet filter input, rule 5 is rule 3 now")),
        (
            (*RULES[:3], "tcp dport 444 accept", RULES[4]),
            section.BOTH,
            ("changed", "inet filter input, rule 4", RULES[3], "tcp dport 444 accept"),
        ),
        ((RULES[4], *RULES), section.SAME, ("added", "inet filter input, rule 1", "", RULES[4])),
        (
            (*RULES[:2], RULES[2].replace("admin", "Anna"), *RULES[3:]),
            section.SAME,
            ("changed", "inet filter input, rule 3", RULES[2], RULES[2].replace("admin", "Anna")),
        ),
        (
            (*RULES, "tcp dport 25 reject with tcp reset"),
            section.ELSEWHERE,
            ("added", "inet filter input, rule 6", "", "tcp dport 25 reject with tcp reset"),
        ),
    ],
)
def test_every_kind_of_edit_is_told_as_what_it_is(after: tuple[str, ...], verdict: str, kind: tuple[str, ...]) -> None:
    found = between(nft(*RULES), nft(*after))
    assert lead(found)[0] == verdict
    (row,) = edited(found)
    assert row[: len(kind)] == kind


def test_a_policy_and_the_elements_of_a_set_are_edits_too() -> None:
    blocked = "set blocked {{ type ipv4_addr; elements = {{ 192.0.2.66, {} }}; }}"
    rules = ("ip saddr @blocked drop", *RULES)
    before, after = (nft(*rules, more=blocked.format(one)) for one in ("192.0.2.67", "192.0.2.68"))
    found = between(before, after)
    assert edited(found) == [
        ("its sets changed", "inet filter input, rule 1", rules[0], rules[0]),
        ("removed", "inet filter blocked", "element blocked { 192.0.2.67 }", ""),
        ("added", "inet filter blocked", "", "element blocked { 192.0.2.68 }"),
    ]
    told_packets = [row[0] for row in packets(found)]
    assert any(one.startswith("tcp from 192.0.2.67 to port 443 was dropped, is let through") for one in told_packets)
    assert any(one.startswith("tcp from 192.0.2.68 to port 443 was let through, is dropped") for one in told_packets)
    opened = between(nft(*RULES), nft(*RULES, policy="accept"))
    (row,) = edited(opened)
    assert row[2:] == (
        "type filter hook input priority 0; policy drop;",
        "type filter hook input priority 0; policy accept;",
    )
    assert lead(opened)[0] == section.OPENED


def test_counters_handles_and_lines_are_no_change() -> None:
    text = "*filter\n:INPUT DROP [{0}:9]\n[{0}:60] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n"
    before, after = (
        read_iptables_save(head + text.format(count), TableFamily.IP, "x")
        for head, count in (("", 1), ("# later\n", 999))
    )
    assert before != after
    assert changed(seen(before), seen(after)) is None


SAVED = """\
# Generated by iptables-save v1.8.9 (nf_tables) on Tue Nov 24 14:47:57 2026
*filter
:INPUT DROP [5:300]
[12:60] -A INPUT -p tcp -m comment --comment "see [1:2] on Tue Nov 24 14:47:57 2026" -j LOG --log-prefix "[3:4]"
COMMIT
"""
LISTED = '{"rule": {"handle": 4, "comment": "\\"packets\\": 5", "expr": [{"counter": {"packets": 1, "bytes": 60}}]}}'


@pytest.mark.parametrize(
    ("command", "text", "counted", "meant"),
    [
        (IPTABLES, SAVED, [("[5:", "[6:"), ("[12:60]", "[0:0]"), ("24 14:47:57 2026\n", "25 01:02:03 2026\n")],
         [("DROP", "ACCEPT"), ("[1:2]", "[1:3]"), ("[3:4]", "[3:5]"), ("57 2026\"", "58 2026\""), ("nf_t", "leg")]),
        (NFT, LISTED, [("4,", "9,"), ("1,", "2,"), ("60", "61")], [(": 5", ": 6"), ("counter", "quota")]),
    ],
)  # fmt: skip
def test_noise_is_what_counts_and_nothing_that_rules_say(
    command: Request, text: str, counted: list[tuple[str, str]], meant: list[tuple[str, str]]
) -> None:
    noise: re.Pattern[bytes] = FAMILY.changes[0].noise[command]

    def left(text: str) -> bytes:
        return noise.sub(b"", text.encode())

    for before, after in (*counted, *meant):
        assert before in text
        assert (left(text) == left(text.replace(before, after, 1))) == ((before, after) in counted), before


def test_what_was_not_seen_is_never_no_change() -> None:
    gap = Gap(frozenset(PacketFamily), UnprovenKind.DENIED, "legacy iptables rules cannot be seen: denied", ())
    same = nft(*RULES)
    for before, after in ((seen(same, gap), seen(same)), (seen(same), seen(same, gap))):
        with pytest.raises(Unproven, match="cannot be seen"):
            changed(before, after)
    both = seen(same, gap)
    with pytest.raises(Unproven, match="cannot be seen"):
        changed(both, both)


def test_what_was_not_seen_leaves_open_what_was_let_through() -> None:
    gap = Gap(frozenset(PacketFamily), UnprovenKind.DENIED, "legacy iptables rules cannot be seen: denied", ())
    for before, after in ((nft(*RULES), nft(*RULES, OPENS)), (nft(*RULES, OPENS), nft(*RULES))):
        for gaps in (((gap,), ()), ((), (gap,)), ((gap,), (gap,))):
            found = changed(seen(before, *gaps[0]), seen(after, *gaps[1]))
            assert found is not None
            assert "Not proven: legacy iptables rules cannot be seen: denied." in lead(found)
            accepts = 0 if before.tables[0].chains[0].rules[-1].text == OPENS else 1
            unsure = bool(gaps[accepts])
            assert (lead(found)[0] == section.OPEN_QUESTION) == unsure
            assert len(edited(found)) == 1, "the edit itself was seen"
    other = read_iptables_save("*filter\n:INPUT DROP [0:0]\nCOMMIT\n", TableFamily.IP, "x")
    both = replace(other, tables=(*nft(*RULES).tables, *other.tables))
    with pytest.raises(Unproven, match="cannot be seen"):
        changed(seen(nft(*RULES), gap), seen(both))


def test_lines_that_are_not_understood_leave_open_what_packets_do() -> None:
    odd = read_iptables_save("*filter\n:INPUT DROP [0:0]\n%odd\nCOMMIT\n", TableFamily.IP, "x")
    assert odd.unread
    more = "*filter\n:INPUT DROP [0:0]\n%odd\n-A INPUT -p tcp -m tcp --dport 23 -j ACCEPT\nCOMMIT\n"
    found = between(odd, read_iptables_save(more, TableFamily.IP, "x"))
    assert lead(found)[0] == section.OPEN_QUESTION
    assert found.mark is Mark.UNSURE
    assert any("%odd" in said for said in lead(found))
    assert changed(seen(odd), seen(odd)) is None, "the same text does the same"


def test_rules_off_the_way_are_told_and_their_packets_left_open() -> None:
    text = "table netdev edge {{ chain in {{ type filter hook ingress device eth0 priority 0; policy accept; {} }} }}"
    before, after = (read_nft_ruleset(text.format(rule), "file") for rule in ("", "ip saddr 192.0.2.1 drop"))
    found = between(before, after)
    assert lead(found)[0] == section.OPEN_QUESTION
    assert any("netdev edge" in said for said in lead(found))


def test_a_translation_that_changes_is_told_with_both() -> None:
    text = (
        "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination {}\nCOMMIT\n"
    )
    before, after = (
        read_iptables_save(text.format(target), TableFamily.IP, "x") for target in ("10.0.0.2:80", "10.0.0.3:80")
    )
    ((sentence, _, was, now),) = packets(between(before, after))
    assert sentence.endswith("to port 8080 is translated in another way now")
    assert (was, now) == ("dnat to 10.0.0.2:80", "dnat to 10.0.0.3:80")


def test_what_tools_write_stands_behind_what_people_write() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:f2b-sshd - [0:0]\n{}\nCOMMIT\n"
    bans = [f"-A f2b-sshd -s 192.0.2.{number}/32 -j DROP" for number in range(1, 40)]
    before = read_iptables_save(text.format("-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd"), TableFamily.IP, "x")
    lines = ["-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd", *bans, "-A INPUT -p tcp -m tcp --dport 23 -j ACCEPT"]
    found = between(before, read_iptables_save(text.format("\n".join(lines)), TableFamily.IP, "x"))
    assert edited(found)[0] == ("added", "ip filter INPUT, rule 2", "", "-p tcp -m tcp --dport 23 -j ACCEPT")
    assert "Written by tools such as Docker or fail2ban while they run: 39." in lead(found)
    assert lead(found)[0] == section.OPENED


def test_a_ruleset_that_was_rewritten_is_bounded_and_counted() -> None:
    before = nft(*(f"ip saddr 192.0.2.{number} tcp dport 22 accept" for number in range(1, 150)))
    after = nft(*(f"ip6 saddr 2001:db8::{number:x} udp dport {number + 2000} accept" for number in range(1, 150)))
    found = between(before, after)
    packet_table, edit_table = (part for part in found.parts if isinstance(part, Table))
    assert (len(packet_table.rows), packet_table.left) == (MOST_PACKETS, 2 * 149 - MOST_PACKETS)
    assert (len(edit_table.rows), edit_table.left) == (MOST_EDITS, 2 * 149 - MOST_EDITS)


def test_thousands_of_rules_in_another_order_are_compared_quickly() -> None:
    rules = [f"-A INPUT -s 10.{number >> 8}.{number & 255}.1/32 -j ACCEPT" for number in range(5000)] + [
        "-A INPUT -j DROP"
    ] * 3000
    shuffled = rules.copy()
    random.Random(7).shuffle(shuffled)
    sides = [
        read_iptables_save("\n".join(["*filter", ":INPUT DROP [0:0]", *lines, "COMMIT", ""]), TableFamily.IP, "x")
        for lines in (rules, [rule.replace("ACCEPT", "DROP") for rule in shuffled])
    ]
    begun = time.process_time()
    assert len(edits(*sides)) > 5000
    assert time.process_time() - begun < 5


EVIL = '"><script>alert(1)</script>{0.__class__}{packet}%s\x1b[2J\u202e'


def test_a_comment_stays_text_whatever_it_holds() -> None:
    rules = nft(*RULES, OPENS)
    table = rules.tables[0]
    chain = table.chains[0]
    evil = replace(chain.rules[-1], text=EVIL, comment=EVIL)
    hostile = replace(rules, tables=(replace(table, chains=(replace(chain, rules=(*chain.rules[:-1], evil)),)),))
    found = between(nft(*RULES), hostile)
    assert edited(found) == [("added", "inet filter input, rule 6", "", EVIL)]
    assert EVIL in packets(found)[0]
    cells = [cell for part in found.parts if isinstance(part, Table) for row in part.rows for cell in row]
    assert [cell for cell in cells if cell.text == EVIL] == [Cell(EVIL)] * 2, "it is no sentence to be translated"


def sentences(text: Text) -> set[str]:
    if isinstance(text, str):
        return set()
    return {text.text, *(said for _, value in text.values for said in sentences(value))}


def test_every_sentence_is_declared_and_there_in_german() -> None:
    (declared,) = FAMILY.changes
    assert set(catalogue(FAMILY.package, "sections", "de")) == {declared.title, *declared.says}
    assert declared.says == SAYS
    german = catalogue(FAMILY.package, "sections", "de")
    found = between(nft(*RULES), nft(*RULES, OPENS))
    said = [
        told(cell.text, german) for part in found.parts if isinstance(part, Table) for row in part.rows for cell in row
    ]
    assert said[0] == "tcp von 198.51.100.7 an Port 5432 wurde verworfen, wird jetzt durchgelassen"


LINES = st.lists(st.sampled_from([*RULES, OPENS, "tcp dport 25 drop", "counter"]), max_size=8)


@given(LINES, LINES)
def test_the_edits_lead_from_one_ruleset_to_the_other(before: list[str], after: list[str]) -> None:
    """Taking out what was removed, moved and changed and putting in what came gives the other chain."""
    old, new = nft(*before), nft(*after)
    found = edits(old, new)
    gone = {edit.origin.index for edit in found if edit.origin is not None}
    come = {edit.place.index: edit.after for edit in found if edit.place is not None}
    left = iter([rule.text for at, rule in enumerate(old.tables[0].chains[0].rules, 1) if at not in gone])
    texts = [rule.text for rule in new.tables[0].chains[0].rules]
    assert [come[at] if at in come else next(left) for at in range(1, len(texts) + 1)] == texts
    assert next(left, None) is None
    assert (found == ()) == (texts == [rule.text for rule in old.tables[0].chains[0].rules])
    section_found = changed(seen(old), seen(new))
    assert (section_found is None) == (found == ())
    if section_found is not None:
        assert all(sentences(text) <= SAYS for text in section_found.lead)
        cells = [cell for part in section_found.parts if isinstance(part, Table) for row in part.rows for cell in row]
        assert all(sentences(cell.text) <= SAYS for cell in cells)
        marks = {cell.mark for cell in cells if isinstance(cell.text, Phrase)}
        assert bool(changes(old, new).found) <= bool(marks & {Mark.MORE, Mark.LESS, Mark.OTHER})


@pytest.mark.parametrize(
    "name", ["docker_iptables-save.txt", "ufw_server2_iptables-save.txt", "home_user_iptables-save.txt"]
)
def test_a_rule_planted_into_a_real_ruleset_is_the_only_edit(name: str) -> None:
    text = sample(name)
    before = read_iptables_save(text, TableFamily.IP, name)
    planted = "-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 5432 -j ACCEPT"
    lines = text.splitlines()
    filter_head = lines.index("*filter")
    first = next(at for at in range(filter_head, len(lines)) if "-A " in lines[at])
    after = read_iptables_save("\n".join([*lines[:first], planted, *lines[first:], ""]), TableFamily.IP, name)
    assert changed(seen(before), seen(before)) is None
    (edit,) = edits(before, after)
    assert isinstance(edit, Edit)
    assert (edit.kind, edit.spot.chain, edit.after) == (EditKind.ADDED, "INPUT", planted.removeprefix("-A INPUT "))
    found = between(before, after)
    for row in packets(found):
        assert "203.0.113.7" in row[0]
        assert "5432" in row[0]
    assert packets(found) or lead(found)[0] in (section.SAME, section.OPEN_QUESTION)
