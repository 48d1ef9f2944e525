"""Lines of iptables-save and what they mean."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from secaudit.checks.firewall.readers.iptables.save import read_iptables_save
from secaudit.checks.firewall.rules.matches import (
    Addresses,
    AddressRange,
    AddressType,
    ConntrackState,
    Fragment,
    Icmp,
    IcmpKind,
    InInterface,
    KnownCondition,
    Mark,
    Match,
    NumberRange,
    OutInterface,
    PacketFamily,
    Ports,
    Protocol,
    SetMembership,
    Side,
    Sometimes,
    State,
    TcpFlags,
    Unmodelled,
)
from secaudit.checks.firewall.rules.ruleset import (
    Counter,
    Decision,
    Jump,
    Log,
    MarkChange,
    Nat,
    NatKind,
    NatTarget,
    Rule,
    Ruleset,
    SetMark,
    Statement,
    TableFamily,
    Undecided,
    Verdict,
)


def read(*lines: str, family: TableFamily = TableFamily.IP) -> Ruleset:
    head = ["*filter", ":INPUT ACCEPT [1:2]", ":other - [0:0]"]
    return read_iptables_save("\n".join([*head, *lines, "COMMIT", ""]), family, "file")


def rule(text: str, family: TableFamily = TableFamily.IP) -> Rule:
    ruleset = read(f"-A INPUT {text}", family=family)
    assert not ruleset.unread
    return next(ruleset.rules)[2]


def network(text: str) -> AddressRange:
    return AddressRange.of(ip_network(text))


TCP, UDP = Protocol(frozenset({6})), Protocol(frozenset({17}))
SOURCE, DESTINATION = Side.SOURCE, Side.DESTINATION


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", ()),
        ("-i lo", (InInterface(("lo",)),)),
        ("! -i eth+ -o tun0", (InInterface(("eth*",), negated=True), OutInterface(("tun0",)))),
        ("-i ! eth0", (InInterface(("eth0",), negated=True),)),
        ("-s 10.0.0.0/8", (Addresses(SOURCE, (network("10.0.0.0/8"),)),)),
        ("-s 10.0.0.0/255.0.0.0", (Addresses(SOURCE, (network("10.0.0.0/8"),)),)),
        ("! -d 192.0.2.1/32", (Addresses(DESTINATION, (network("192.0.2.1/32"),), negated=True),)),
        ("-d ! 192.0.2.1", (Addresses(DESTINATION, (network("192.0.2.1/32"),), negated=True),)),
        ("-p all", ()),
        ("-p 47", (Protocol(frozenset({47})),)),
        ("! -p tcp", (Protocol(frozenset({6}), negated=True),)),
        ("-p tcp -m tcp --dport 22", (TCP, Ports(DESTINATION, (NumberRange(22, 22),)))),
        ("-p tcp --dport 22", (TCP, Ports(DESTINATION, (NumberRange(22, 22),)))),
        ("-p udp -m udp ! --sport 1024:", (UDP, Ports(SOURCE, (NumberRange(1024, 65535),), negated=True))),
        ("-p tcp -m multiport --ports 1,3:5", (TCP, Ports(None, (NumberRange(1, 1), NumberRange(3, 5))))),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", (TCP, TcpFlags(23, frozenset({2})))),
        ("-p tcp -m tcp ! --syn", (TCP, TcpFlags(23, frozenset({2}), negated=True))),
        ("-p tcp -m tcp --tcp-flags ALL NONE", (TCP, TcpFlags(63, frozenset({0})))),
        (
            "-m conntrack --ctstate RELATED,ESTABLISHED",
            (ConntrackState(frozenset({State.RELATED, State.ESTABLISHED})),),
        ),
        ("-m state ! --state NEW", (ConntrackState(frozenset({State.NEW}), negated=True),)),
        ("-m conntrack --ctstate DNAT", (KnownCondition("conntrack", "--ctstate DNAT"),)),
        ("-f", (Fragment(),)),
        ("! -f", (Fragment(negated=True),)),
        (
            "-p icmp -m icmp --icmp-type 3/4",
            (Protocol(frozenset({1})), Icmp(PacketFamily.IPV4, (IcmpKind(NumberRange(3, 3), NumberRange(4, 4)),))),
        ),
        ("-p icmp -m icmp --icmp-type any", (Protocol(frozenset({1})),)),
        ("-p icmp -m icmp --icmp-type 255", (Protocol(frozenset({1})),)),
        (
            "-m iprange ! --src-range 10.0.0.1-10.0.0.5",
            (Addresses(SOURCE, (AddressRange(ip_address("10.0.0.1"), ip_address("10.0.0.5")),), negated=True),),
        ),
        ("-m addrtype --dst-type LOCAL,BROADCAST", (AddressType(DESTINATION, frozenset({"local", "broadcast"})),)),
        ("-m set ! --match-set bad src,dst", (SetMembership("bad", ("src", "dst"), negated=True),)),
        ("-m mark --mark 0x1/0xff", (Mark(1, 255),)),
        ("-m connmark ! --mark 7", (Mark(7, 0xFFFFFFFF, connection=True, negated=True),)),
        ("-m limit --limit 3/min --limit-burst 10", (Sometimes("limit", "-m limit --limit 3/min --limit-burst 10"),)),
        ("-m mac --mac-source 00:11:22:33:44:55", (KnownCondition("mac", "-m mac --mac-source 00:11:22:33:44:55"),)),
        ("-m comment --comment any", ()),
        ("-m recent --set --name seen --rsource", ()),
        ("-m pkttype --pkt-type broadcast", (KnownCondition("pkttype", "--pkt-type broadcast"),)),
        ("-m rpfilter --invert", (KnownCondition("rpfilter", "-m rpfilter --invert"),)),
    ],
)
def test_conditions(text: str, matches: tuple[Match, ...]) -> None:
    assert rule(text).matches == matches


@pytest.mark.parametrize(
    "text",
    [
        "-m u32 --u32 0",
        "-m rpfilter",
        "-m pkttype --pkt-type unicast",
        "-m length --length 0:65535",
        "-m mac ! --mac-source 00:11:22:33:44:55",
        "-m owner ! --uid-owner 0",
        "-m recent ! --set --name seen",
        "-m addrtype --src-type LOCAL --limit-iface-in",
        "-m conntrack ! --ctproto 6",
        "-m conntrack --ctstate SOMETHING",
        "-m iprange --src-range 10.0.0.9-10.0.0.1",
        "-m iprange --src-range 2001:db8::1-2001:db8::2",
        "-s 10.0.0.5/255.0.0.255",
        "-s 2001:db8::/32",
        "-s name.example",
        "-p tcp --dport http",
        "-p tcp --dport 70000",
        "-p tcp --dport 9:1",
        "-p nosuchprotocol",
        "-p icmp -m icmp --icmp-type 8/999",
        "-m mark --mark many",
        "-i",
        "--unknown-option 3",
    ],
)
def test_what_is_not_understood_is_kept_and_restricts_nothing_for_sure(text: str) -> None:
    found = rule(f"{text} -j ACCEPT")
    assert any(isinstance(match, Unmodelled) for match in found.matches)
    assert found.unmodelled
    assert found.text == f"{text} -j ACCEPT"


@pytest.mark.parametrize(
    ("text", "statements", "verdict"),
    [
        ("", (), None),
        ("-j ACCEPT", (), Decision.ACCEPT),
        ("-j DROP", (), Decision.DROP),
        ("-j REJECT --reject-with icmp-host-prohibited", (), Decision.REJECT),
        ("-j RETURN", (), Decision.RETURN),
        ("-j other", (), Jump("other")),
        ("-g other", (), Jump("other", goto=True)),
        ('-j LOG --log-prefix "-j DROP "', (Log("-j DROP "),), None),
        ("-j NFLOG --nflog-prefix x --nflog-group 2", (Log("x"),), None),
        (
            "-j MARK --set-xmark 0x1/0xffffffff",
            (SetMark("-j MARK --set-xmark 0x1/0xffffffff", MarkChange(0, 1)),),
            None,
        ),
        (
            "-j DNAT --to-destination 10.0.0.1:80",
            (
                Nat(
                    NatKind.DESTINATION,
                    "10.0.0.1:80",
                    NatTarget(AddressRange(ip_address("10.0.0.1"), ip_address("10.0.0.1")), NumberRange(80, 80)),
                ),
            ),
            Decision.ACCEPT,
        ),
        ("-j MASQUERADE --random", (Nat(NatKind.MASQUERADE, "", NatTarget()),), Decision.ACCEPT),
        (
            "-j REDIRECT --to-ports 8080",
            (Nat(NatKind.REDIRECT, "8080", NatTarget(None, NumberRange(8080, 8080))),),
            Decision.ACCEPT,
        ),
        ("-j NFQUEUE --queue-num 1", (), Undecided("-j NFQUEUE --queue-num 1")),
        ("-j nowhere", (), Undecided("-j nowhere")),
        ("-g nowhere", (), Undecided("-g nowhere")),
    ],
)
def test_targets(text: str, statements: tuple[Statement, ...], verdict: Verdict | None) -> None:
    found = rule(text)
    assert found.statements == statements
    assert found.verdict == verdict
    assert not found.matches


def test_a_negation_that_belongs_to_nothing_is_not_understood() -> None:
    assert isinstance(rule("! ! -i eth0 -j ACCEPT").verdict, Undecided)
    assert isinstance(rule("-i eth0 extra ! -j ACCEPT").matches[0], Unmodelled)


def test_counters_comments_and_quotes() -> None:
    ruleset = read('[5:300] -A INPUT -m comment --comment "say \\"hi\\" it\\\'s" -j ACCEPT')
    found = next(ruleset.rules)[2]
    assert found.counter == Counter(5, 300)
    assert found.comment == 'say "hi" it\'s'
    assert found.text == '-m comment --comment "say \\"hi\\" it\\\'s" -j ACCEPT'
    assert (found.origin.source, found.origin.line) == ("file", 4)
    assert found.origin.excerpt.startswith("[5:300] -A INPUT")


def test_a_comment_cannot_pose_as_an_option() -> None:
    found = rule("-m comment --comment -j -j DROP")
    assert found.comment == "-j"
    assert found.verdict is Decision.DROP


@pytest.mark.parametrize(
    "text",
    ["-j ACCEPT --dport 22", "! -j DROP"],
)
def test_conditions_behind_the_target_are_not_overlooked(text: str) -> None:
    found = rule(text)
    assert isinstance(found.verdict, Undecided)
    assert isinstance(found.matches[0], Unmodelled)


def test_an_extension_may_use_a_word_of_the_general_options() -> None:
    assert rule("-m policy --dir in --pol none --proto esp -j ACCEPT").matches == (
        Unmodelled("-m policy --dir in --pol none --proto esp", "match is not modelled"),
    )


def test_a_comment_that_breaks_off_is_empty() -> None:
    assert rule("-m comment --comment").comment == ""


def test_ipv6_has_its_own_numbers() -> None:
    found = rule("-s 2001:db8::/32 -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT", TableFamily.IP6)
    assert found.matches == (
        Addresses(SOURCE, (network("2001:db8::/32"),)),
        Protocol(frozenset({58})),
        Icmp(PacketFamily.IPV6, (IcmpKind(NumberRange(135, 135)),)),
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-A nowhere -j ACCEPT", "is a rule of the chain nowhere, which is not declared"),
        (":FORWARD QUEUE [0:0]", "is not a built-in chain with a policy of ACCEPT or DROP"),
        ("-I INPUT -j ACCEPT", "is neither a chain nor a rule"),
        ("-A", "is neither a chain nor a rule"),
        ('-A INPUT -m comment --comment "open', "has a quotation mark in the wrong place"),
        ("*nat", "the table filter before it was not ended by COMMIT"),
    ],
)
def test_lines_outside_of_what_is_known_are_listed(line: str, why: str) -> None:
    assert [(entry.why, entry.origin.line) for entry in read(line).unread] == [(why, 4)]


def test_a_listing_that_breaks_off_says_so() -> None:
    ruleset = read_iptables_save("*filter\n:INPUT DROP [0:0]\n", TableFamily.IP, "file")
    assert [entry.why for entry in ruleset.unread] == ["the table filter is not ended by COMMIT"]
    stray = read_iptables_save("-A INPUT -j ACCEPT\n", TableFamily.IP, "file")
    assert [entry.why for entry in stray.unread] == ["stands outside of a table"]


def test_conditions_may_stand_behind_the_target() -> None:
    found = rule('-m conntrack --ctstate INVALID -j LOG --log-prefix "[UFW] " -m limit --limit 3/min -s 10.0.0.1')
    assert (found.statements, found.verdict, found.unmodelled) == ((Log("[UFW] "),), None, ())
    assert {type(match) for match in found.matches} == {ConntrackState, Sometimes, Addresses}
    found = rule("-j REJECT --reject-with tcp-reset -p tcp --dport 113")
    assert (found.verdict, len(found.matches)) == (Decision.REJECT, 2)
    found = rule("-j other -s 192.0.2.1")
    assert (found.verdict, found.matches) == (Jump("other"), (Addresses(SOURCE, (network("192.0.2.1"),)),))
    found = rule("-j LOG -p tcp")
    assert (found.statements, found.matches) == ((Log(""),), (TCP,))


def test_ip6tables_has_names_of_its_own_for_messages() -> None:
    found = rule("-p icmpv6 --icmpv6-type neighbour-solicitation -j ACCEPT", TableFamily.IP6)
    assert Icmp(PacketFamily.IPV6, (IcmpKind(NumberRange(135, 135)),)) in found.matches
