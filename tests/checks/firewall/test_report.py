"""What the family adds to the report: the service matrix and the flow through the chains."""

from __future__ import annotations

from itertools import pairwise

from secaudit.checks.firewall.analysis.chain_graph import MOST, Flow, Node, flows
from secaudit.checks.firewall.analysis.reach import Way
from secaudit.checks.firewall.analysis.service_matrix import Open, all_services, matrix
from secaudit.checks.firewall.facts import Firewall, Gap
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.readers.merge import merge
from secaudit.checks.firewall.readers.nft.document import read_nft_json
from secaudit.checks.firewall.readers.nft.ruleset import read_nft_ruleset
from secaudit.checks.firewall.report.flow_picture import picture
from secaudit.checks.firewall.report.rendering import rendered
from secaudit.checks.firewall.rules.matches import PacketFamily
from secaudit.checks.firewall.rules.ruleset import Ruleset, TableFamily

from secaudit.api import UnprovenKind
from secaudit.cli.translations import phrasebook
from secaudit.model.section import BoxKind, Mark, Picture, Table

V4 = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
:log - [0:0]
[7:420] -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
[2:120] -A INPUT -p tcp -m tcp --dport 22 -j ssh
[1:60] -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
[0:0] -A INPUT -g log
[2:120] -A ssh -s 10.0.0.0/24 -j ACCEPT
[0:0] -A ssh -j log
[0:0] -A log -j LOG
COMMIT
"""
V6 = """*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22:80 -j ACCEPT
COMMIT
"""
BOTH = frozenset(PacketFamily)


def both() -> Ruleset:
    return merge(None, [read_iptables_save(V4, TableFamily.IP, "v4"), read_iptables_save(V6, TableFamily.IP6, "v6")])


def test_families_stand_side_by_side_though_they_cut_ports_differently() -> None:
    services, unsure = all_services(both(), BOTH)
    found = matrix(services, BOTH)
    assert not unsure
    told = {row.service: tuple(entry.open for entry in row.entries) for row in found.rows}
    assert told == {
        "tcp/22": (Open.SOME, Open.EVERYWHERE),
        "tcp/23-79": (Open.NOBODY, Open.EVERYWHERE),
        "tcp/80": (Open.EVERYWHERE, Open.EVERYWHERE),
    }
    assert found.rows[0].entries[0].who == "10.0.0.0/24"


def test_a_published_service_is_told_with_its_target() -> None:
    rule = "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"
    nat = f"*nat\n:PREROUTING ACCEPT [0:0]\n{rule}\nCOMMIT\n"
    ruleset = read_iptables_save(nat, TableFamily.IP, "v4")
    rows = matrix(all_services(ruleset, BOTH)[0], BOTH).rows
    (published,) = [row for row in rows if row.way is Way.PUBLISHED]
    assert (published.service, published.entries[0].open) == ("tcp/8080", Open.EVERYWHERE)
    assert "172.17.0.2" in published.target


def names(nodes: tuple[Node, ...]) -> list[object]:
    return [(node.chain.name, names(node.children)) if node.children else node.chain.name for node in nodes]


def test_flows_tell_ways_on_which_something_happens() -> None:
    inward, six = flows(both())
    assert (inward.title, inward.families, six.families) == ("To the host", (PacketFamily.IPV4,), (PacketFamily.IPV6,))
    assert names(inward.nodes) == [("INPUT", [("ssh", ["log"]), "log"])]
    ssh, log = inward.nodes[0].children
    assert (ssh.packets, ssh.goto, ssh.again) == (2, False, False)
    assert (log.goto, log.again) == (True, True)


def test_a_table_of_both_families_is_told_once() -> None:
    text = "table inet t {\nchain c {\ntype filter hook input priority 0; policy drop;\n}\n}\n"
    (flow,) = flows(read_nft_ruleset(text, "nft"))
    assert flow.families == tuple(PacketFamily)


def test_many_chains_are_counted_and_chains_that_lead_in_circles_end() -> None:
    heads = [f":c{number} - [0:0]" for number in range(3 * MOST)]
    rules = [f"-A INPUT -j c{number}\n-A c{number} -j DROP" for number in range(3 * MOST)]
    rules += ["-A c0 -j c1", "-A c1 -j c0"]
    text = "\n".join(["*filter", ":INPUT DROP [0:0]", *heads, *rules, "COMMIT", ""])
    (flow,) = flows(read_iptables_save(text, TableFamily.IP, "v4"))

    def told(nodes: tuple[Node, ...]) -> list[str]:
        return [name for node in nodes for name in (node.chain.name, *told(node.children))]

    assert len(told(flow.nodes)) == MOST
    assert flow.left == 1 + 3 * MOST - len(set(told(flow.nodes)))
    drawn = picture(flow)
    assert len(drawn.boxes) == MOST + 2
    assert drawn.left == flow.left


def test_chains_that_do_nothing_are_left_out() -> None:
    heads = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", *(f":{name} - [0:0]" for name in ("a", "b", "c", "d"))]
    rules = ["-A INPUT -j a", "-A INPUT -j c", "-A FORWARD -j a", "-A a -p tcp -g b", "-A c -g d", "-A c -j LOG"]
    (flow,) = flows(read_iptables_save("\n".join(["*filter", *heads, *rules, "COMMIT", ""]), TableFamily.IP, "v4"))
    assert names(flow.nodes) == [("INPUT", ["c"])]
    assert flow.left == 0


def test_boxes_do_not_cover_each_other_and_arrows_end_at_boxes() -> None:
    flow: Flow = flows(both())[0]
    drawn = picture(flow)
    tops = [(box.y, box.y + box.height) for box in drawn.boxes]
    assert all(above[1] < below[0] for above, below in pairwise(tops))
    assert drawn.height == tops[-1][1]
    assert drawn.width == max(box.x + box.width for box in drawn.boxes)
    ends = {(x, y) for arrow in drawn.arrows for x, y in arrow.points[-1:]}
    assert all(
        any(box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height for box in drawn.boxes)
        for x, y in ends
    )
    assert [box.kind for box in drawn.boxes].count(BoxKind.STRONG) == 1
    assert "ip filter INPUT: 4 rules, policy drop. It leads to ssh, log." in drawn.description
    assert [arrow.dashed for arrow in drawn.arrows].count(True) == 1


def test_the_section_says_what_is_not_known() -> None:
    gap = Gap(BOTH, UnprovenKind.DENIED, "legacy iptables rules cannot be seen", ())
    section = rendered(Firewall(both(), (gap,), ()))
    table = next(part for part in section.parts if isinstance(part, Table))
    assert table.head == ("Service", "IPv4", "IPv6")
    assert [cell.mark for cell in table.rows[0]] == [Mark.NONE, Mark.PART, Mark.FULL]
    assert any(str(said).startswith("Not seen: legacy iptables rules cannot be seen") for said in section.lead)
    assert any(isinstance(part, Picture) for part in section.parts)
    closed = read_nft_json('{"nftables": []}', "nft")
    assert rendered(Firewall(closed, (), ())).lead[0] == "0 rules."


def test_the_section_is_told_in_german() -> None:
    """All words of the family are in its catalogue; addresses, names of chains and rules stay."""
    book = phrasebook("de")
    found = rendered(Firewall(both(), (), ()))
    tables = [part for part in found.parts if isinstance(part, Table)]
    pictures = [part for part in found.parts if isinstance(part, Picture)]
    assert tables
    assert pictures
    said = ["Packet filter", *map(str, found.lead), *(str(table.caption) for table in tables)]
    said += [text for drawing in pictures for text in (drawing.title, drawing.description)]
    assert [text for text in said if book.find(text) is None] == []
    assert book.told(str(found.lead[0])) == "8 Regeln."
    cells = {str(cell.text) for table in tables for row in table.rows for cell in row}
    assert {cell: book.find(cell) for cell in cells if cell.isalpha()} == {
        "nobody": "niemand",
        "everywhere": "von überall",
    }
    lines = {line for drawing in pictures for box in drawing.boxes for line in box.lines}
    assert {"Packets": "Pakete", "Let through": "Durchgelassen"}.items() <= {
        line: book.find(line) for line in lines
    }.items()
