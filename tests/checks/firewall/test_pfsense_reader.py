"""Rules of pfSense and OPNsense and what they decide."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.firewall.readers.pfsense.config import read_pfsense
from secaudit.checks.firewall.rules.ruleset import Ruleset, RulesetError

from tests.checks.firewall.reading import fate, mutated, sample

HEAD = """<?xml version="1.0"?>
<{kind}>
<system>
  <ipv6allow/>
  <disablenatreflection>yes</disablenatreflection>
  {system}
</system>
<interfaces>
  <wan><enable/><if>em0</if><ipaddr>192.0.2.1</ipaddr><subnet>24</subnet><blockpriv/></wan>
  <lan><enable/><if>em1</if><ipaddr>10.0.0.1</ipaddr><subnet>24</subnet></lan>
  <opt1><if>em2</if><ipaddr>dhcp</ipaddr></opt1>
</interfaces>
<dhcpd/>
<ifgroups><ifgroupentry><ifname>inside</ifname><members>lan opt1</members></ifgroupentry></ifgroups>
<aliases>
  <alias><name>web</name><type>port</type><address>80 443 8000:8080</address></alias>
  <alias><name>friends</name><type>host</type><address>198.51.100.7 198.51.100.16-198.51.100.20 more</address></alias>
  <alias><name>more</name><type>network</type><address>203.0.113.0/24 friends</address></alias>
  <alias><name>named</name><type>host</type><address>www.example.com 198.51.100.9</address></alias>
  <alias><name>list</name><type>urltable</type><address>https://example.com/list</address></alias>
</aliases>
<nat>{nat}</nat>
"""
ANY = "<source><any/></source><destination><any/></destination>"
IN, OUT = "iif em0 oif em1", "iif em1 oif em0"


def configuration(*rules: str, nat: str = "", system: str = "", more: str = "", kind: str = "pfsense") -> str:
    shown = "\n".join(f"<rule>{rule}</rule>" for rule in rules)
    head = HEAD.format(nat=nat or "<outbound><mode>disabled</mode></outbound>", system=system, kind=kind)
    return f"{head}<filter>\n{shown}\n<separator><wan/></separator></filter>{more}</{kind}>"


def read(*rules: str, nat: str = "", system: str = "", more: str = "", kind: str = "pfsense") -> Ruleset:
    return read_pfsense(configuration(*rules, nat=nat, system=system, more=more, kind=kind), "file")


def on_wan(protocol: str = "tcp", source: str = "<any/>", destination: str = "<any/>", more: str = "") -> str:
    return (
        f"<type>pass</type><interface>wan</interface><protocol>{protocol}</protocol><source>{source}</source>"
        f"<destination>{destination}</destination>{more}"
    )


def unmodelled(ruleset: Ruleset) -> list[str]:
    """All but the rules that the system adds by itself."""
    return [entry.why for entry in ruleset.unmodelled if "the system adds" not in entry.why]


@pytest.mark.parametrize(
    ("rule", "packet", "expected"),
    [
        (on_wan(destination="<address>10.0.0.5</address>"), "tcp 198.51.100.1:9 -> 10.0.0.5:80", "accept"),
        (on_wan(destination="<address>10.0.0.5</address>"), "tcp 198.51.100.1:9 -> 10.0.0.6:80", "drop"),
        (on_wan(destination="<address>10.0.0.5</address>"), "tcp flags ack 198.51.100.1:9 -> 10.0.0.5:80", "drop"),
        (on_wan(destination="<address>10.0.0.5</address>"), "tcp 198.51.100.1:9 -> 10.0.0.6:80 established", "accept"),
        (on_wan(destination="<network>lan</network><port>web</port>"), "tcp 198.51.100.1:9 -> 10.0.0.9:8001", "accept"),
        (on_wan(destination="<network>lan</network><port>web</port>"), "tcp 198.51.100.1:9 -> 10.0.0.9:81", "drop"),
        (on_wan(destination="<network>lanip</network>"), "tcp 198.51.100.1:9 -> 10.0.0.1:81", "accept"),
        (on_wan(destination="<network>lanip</network>"), "tcp 198.51.100.1:9 -> 10.0.0.2:81", "drop"),
        (on_wan(destination="<network>opt1ip</network>"), "tcp 198.51.100.1:9 -> 10.0.0.2:81", "unproven"),
        (on_wan(destination="<network>lan</network><not/>"), "tcp 198.51.100.1:9 -> 10.0.0.2:81", "drop"),
        (on_wan(source="<address>friends</address>"), "tcp 198.51.100.17:9 -> 10.0.0.2:81", "accept"),
        (on_wan(source="<address>friends</address>"), "tcp 203.0.113.17:9 -> 10.0.0.2:81", "accept"),
        (on_wan(source="<address>friends</address>"), "tcp 198.51.100.8:9 -> 10.0.0.2:81", "drop"),
        (on_wan(source="<address>named</address>"), "tcp 198.51.100.9:9 -> 10.0.0.2:81", "accept"),
        (on_wan(source="<address>named</address>"), "tcp 198.51.100.8:9 -> 10.0.0.2:81", "unproven"),
        (on_wan(source="<address>list</address>"), "tcp 198.51.100.8:9 -> 10.0.0.2:81", "unproven"),
        (on_wan("tcp/udp"), "udp 198.51.100.8:9 -> 10.0.0.2:81", "accept"),
        (on_wan("icmp", more="<icmptype>echoreq,trace</icmptype>"), "icmp 198.51.100.8 -> 10.0.0.2", "accept"),
        (on_wan("icmp", more="<icmptype>echorep</icmptype>"), "icmp 198.51.100.8 -> 10.0.0.2", "drop"),
        (on_wan("esp"), "esp 198.51.100.8 -> 10.0.0.2", "accept"),
        (on_wan("any"), "tcp flags ack 198.51.100.8:1 -> 10.0.0.2:1", "drop"),
        (on_wan("any"), "gre 198.51.100.8 -> 10.0.0.2", "accept"),
        (on_wan("any"), "gre 2001:db8::1 -> 2001:db8::2", "drop"),
        (on_wan("any", more="<ipprotocol>inet46</ipprotocol>"), "gre 2001:db8::1 -> 2001:db8::2", "accept"),
        (on_wan("any"), "tcp 10.9.9.9:1 -> 10.0.0.2:1", "drop"),
        (on_wan("any"), "tcp 198.51.100.8:1 -> 10.0.0.2:0", "drop"),
        (on_wan("any", more="<disabled/>"), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "drop"),
        (on_wan("any", more="<sched>nights</sched>"), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "unproven"),
        (on_wan("any", more="<max>10</max>"), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "unproven"),
        (on_wan("any").replace("pass", "reject"), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "reject"),
        (on_wan("any").replace("wan", "inside"), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "drop"),
        (on_wan("any").replace("<type>pass</type>", ""), "tcp 198.51.100.8:1 -> 10.0.0.2:1", "accept"),
    ],
)
def test_a_rule_of_an_interface_decides_what_comes_in(rule: str, packet: str, expected: str) -> None:
    assert fate(read(rule), f"{IN} {packet}") == expected


def test_what_goes_out_is_let_through_unless_a_floating_rule_says_otherwise() -> None:
    inside = "<type>pass</type><interface>lan</interface><tag>X</tag>" + ANY
    floating = f"<type>block</type><floating>yes</floating><direction>out</direction><interface>wan</interface>{ANY}"
    packet = f"{OUT} tcp 10.0.0.9:9 -> 198.51.100.1:80"
    assert fate(read(inside), packet) == "accept"
    assert fate(read(inside, floating), packet) == "drop"
    assert fate(read(inside, floating + "<tagged>X</tagged>"), packet) == "drop"
    assert fate(read(inside, floating + "<tagged>Y</tagged>"), packet) == "accept"


def test_of_rules_that_are_not_quick_the_last_one_decides_and_only_at_last() -> None:
    floating = f"<floating>yes</floating><direction>in</direction><interface>wan,lan</interface>{ANY}"
    block, let = f"<type>block</type>{floating}", f"<type>pass</type>{floating}"
    packet = f"{IN} tcp 198.51.100.1:9 -> 10.0.0.9:80"
    assert fate(read(block, let), packet) == "accept"
    assert fate(read(let, block), packet) == "drop"
    assert fate(read(let + "<quick>yes</quick>", block), packet) == "accept"
    assert fate(read(block, on_wan("any")), packet) == "accept"
    assert fate(read(on_wan("any"), block + "<quick>yes</quick>"), packet) == "drop"
    assert fate(read(f"<type>match</type>{floating}<quick>yes</quick>", let), packet) == "accept"


def test_rules_of_interface_groups_come_before_those_of_interfaces() -> None:
    own = f"<type>pass</type><interface>lan</interface>{ANY}"
    group = f"<type>block</type><interface>inside</interface>{ANY}"
    assert fate(read(own, group), f"{OUT} tcp 10.0.0.9:9 -> 198.51.100.1:80") == "drop"


FORWARD = (
    "<interface>wan</interface><protocol>tcp</protocol><source><any/></source><destination><network>wanip</network>"
    "<port>8000-8001</port></destination><target>10.0.0.5</target><local-port>80</local-port>"
)
TO_WEB = on_wan(destination="<address>10.0.0.5</address><port>80-81</port>")


def test_port_forwards_are_in_force_before_the_rules() -> None:
    packet = f"{IN} tcp 198.51.100.1:9 -> 192.0.2.1:"
    nat = "<outbound><mode>disabled</mode></outbound><rule>{}</rule>"
    one = FORWARD.replace("8000-8001", "8000")
    assert fate(read(TO_WEB, nat=nat.format(one)), f"{packet}8000") == "accept"
    assert fate(read(TO_WEB, nat=nat.format(one)), f"{packet}8001") == "drop"
    assert fate(read(TO_WEB, nat=nat.format(one + "<nordr/>")), f"{packet}8000") == "drop"
    assert fate(read(TO_WEB, nat=nat.format(one + "<disabled/>")), f"{packet}8000") == "drop"
    assert fate(read(TO_WEB.replace("80-81", "80"), nat=nat.format(FORWARD)), f"{packet}8000") == "unproven"
    odd = read(TO_WEB, nat=nat.format(one + "<moon>x</moon>"))
    assert unmodelled(odd) == ["the field of the port forward is not modelled: moon x"]
    assert fate(odd, f"{packet}8000") == "unproven"
    inside = "iif em1 oif em1 tcp 10.0.0.7:9 -> 192.0.2.1:8000"
    lan = f"<type>pass</type><interface>lan</interface><source><any/></source>{TO_WEB.split('</source>')[1]}"
    assert fate(read(lan, nat=nat.format(one)), inside) == "drop"
    assert fate(read(lan, nat=nat.format(one + "<natreflection>purenat</natreflection>")), inside) == "unproven"


def test_rules_of_the_system_decide_for_their_packets_only() -> None:
    ruleset = read()
    assert fate(ruleset, "iif em1 tcp 10.0.0.9:9 -> 10.0.0.1:443") == "unproven"
    assert fate(ruleset, "iif em0 tcp 198.51.100.1:9 -> 10.0.0.1:443") == "drop"
    assert fate(read(system="<webgui><noantilockout/></webgui>"), "iif em1 tcp 10.0.0.9:9 -> 10.0.0.1:443") == "drop"
    assert fate(ruleset, "iif em2 udp 10.0.0.9:67 -> 255.255.255.255:68") == "unproven"
    assert fate(ruleset, "iif lo0 tcp 127.0.0.1:9 -> 127.0.0.1:443") == "accept"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (on_wan(more="<dscp>af11</dscp>"), "the field of the rule is not modelled: dscp af11"),
        (on_wan(more="<interfacenot/>"), "the field of the rule is not modelled: interfacenot "),
        (on_wan("moon"), "the protocol is not known: protocol moon"),
        (on_wan("esp", destination="<any/><port>5</port>"), "ports are for TCP and UDP: protocol esp"),
        (on_wan(destination="<any/><port>missing</port>"), "missing is not a port, a range or an alias of ports"),
        (on_wan(destination="<address>missing</address>"), "is not an address, an alias or an interface"),
        (on_wan(destination="<moon/>"), "the field moon of a destination is not modelled"),
        (on_wan(destination=""), "the destination is not one name or address"),
        (on_wan().replace("wan", "opt9"), "the interface opt9 is not in the configuration"),
        (on_wan().replace("<interface>wan</interface>", ""), "the rule names no interface"),
        (on_wan(more="<ipprotocol>inet5</ipprotocol>"), "the address family is not known"),
        (on_wan().replace("pass", "moon"), "verdict is not decided by the ruleset: moon"),
    ],
)
def test_what_is_not_understood_is_listed_and_decides_nothing(rule: str, why: str) -> None:
    ruleset = read(rule)
    assert any(why in found for found in unmodelled(ruleset))
    assert fate(ruleset, f"{IN} tcp 198.51.100.1:9 -> 10.0.0.2:81") == "unproven"


@pytest.mark.parametrize(
    ("system", "more"),
    [
        ("<disablefilter/>", ""),
        ("", "<installedpackages><miniupnpd><config><enable>on</enable></config></miniupnpd></installedpackages>"),
        ("", "<captiveportal><guests><enable/></guests></captiveportal>"),
        ("", "<nat><onetoone><external>192.0.2.7</external></onetoone></nat>"),
        ("", "<filter><moon>yes</moon></filter>"),
        ("", "<filter><rule><direction>up</direction></rule></filter>"),
        ("", f"<filter><rule><floating>yes</floating><tag>X</tag>{ANY}</rule></filter>"),
    ],
)
def test_what_decides_beside_the_rules_leaves_nothing_proven(system: str, more: str) -> None:
    ruleset = read(on_wan(), system=system, more=more)
    assert ruleset.unread
    assert fate(ruleset, f"{IN} tcp 198.51.100.1:9 -> 10.0.0.2:81") == "unproven"


def test_opnsense_has_aliases_of_its_own_and_writes_switches_as_numbers() -> None:
    aliases = (
        "<OPNsense><Firewall><Alias><aliases><alias uuid='1'><enabled>1</enabled><name>own</name><type>host</type>"
        "<content>198.51.100.1\n198.51.100.2</content></alias></aliases></Alias></Firewall></OPNsense>"
    )
    rule = on_wan(source="<address>own</address>", more="<disabled>0</disabled><quick>1</quick>")
    ruleset = read(rule, more=aliases, kind="opnsense")
    assert not unmodelled(ruleset)
    assert fate(ruleset, f"{IN} tcp 198.51.100.2:9 -> 10.0.0.2:81") == "accept"
    assert fate(ruleset, f"{IN} tcp 198.51.100.3:9 -> 10.0.0.2:81") == "drop"
    assert read(on_wan(more="<floating>yes</floating>"), kind="opnsense").unread


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><pfsense>&b;</pfsense>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><pfsense>&a;</pfsense>'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "DOCTYPE"),
        (OUTSIDE, "DOCTYPE"),
        ("<!DOCTYPE pfsense><pfsense/>", "DOCTYPE"),
        ("<a>" * 200 + "</a>" * 200, "nests"),
        ("<pfsense>", "not XML"),
        ("", "not XML"),
        ("<pfsense>&undefined;</pfsense>", "not XML"),
        ("<config/>", "no configuration"),
        ("<pfsense>\ud800</pfsense>", "not XML"),
    ],
)
def test_other_documents_are_refused(text: str, why: str) -> None:
    with pytest.raises(RulesetError, match=why):
        read_pfsense(text, "file")


def test_every_rule_of_the_sample_is_modelled() -> None:
    text = sample("pfsense_config.xml")
    ruleset = read_pfsense(text, "file")
    assert not ruleset.unread
    assert {why.split(":")[0] for why in unmodelled(ruleset)} == {
        "the IPv4 addresses of the interface are given to it",
        "the IPv6 addresses of the interface are given to it",
        "the list of bogon networks is not in the configuration",
    }
    start = text.index("<filter>")
    rules = text[:start].count("\n") + 1, text[: text.index("</filter>")].count("\n") + 1
    found = {rule.origin.line for _, chain, rule in ruleset.rules if chain.name in ("in", "out")}
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line.strip() == "<rule>"]
    assert [number for number in lines if rules[0] < number < rules[1]] == sorted(
        number for number in found if rules[0] < number < rules[1]
    )


def test_the_sample_keeps_traffic_for_the_tunnel_from_leaving_another_way() -> None:
    ruleset = read_pfsense(sample("pfsense_config.xml"), "file")
    assert fate(ruleset, "iif igb1 oif ovpnc2 tcp 192.168.1.7:99 -> 9.9.9.9:443") == "accept"
    assert fate(ruleset, "iif igb1 oif igb0 tcp 192.168.1.7:99 -> 9.9.9.9:443") == "drop"
    assert fate(ruleset, "iif igb1 tcp 192.168.1.7:99 -> 192.168.1.1:53") == "drop"
    assert fate(ruleset, "iif igb0 tcp 9.9.9.9:99 -> 203.0.113.4:22") == "drop"


@given(st.randoms(use_true_random=False))
def test_mutated_configurations_never_crash(chance: random.Random) -> None:
    text = configuration(
        on_wan(), TO_WEB, on_wan("icmp", source="<address>friends</address>"), nat=f"<rule>{FORWARD}</rule>"
    )
    if chance.random() < 0.5:
        words = text.split("<")
        at = chance.randrange(1, len(words))
        words[at : at + 1] = chance.choice([[], [words[at], words[at]], [words[chance.randrange(1, len(words))]]])
        text = "<".join(words)
        text = text.replace(
            chance.choice(["80", "10.0", "wan", "lan", "any", "web", "tcp"]), chance.choice(["9" * 9, "", "x-", ":"])
        )
    else:
        text = mutated(text, chance, "09-:/ax")
    try:
        read_pfsense(text, "file")
    except RulesetError:
        return
