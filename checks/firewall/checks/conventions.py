"""Checks of what a firewall engineer expects beside the verdicts: loopback, logging, use, owners and ends of rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from secaudit.api import (
    Duration,
    Expect,
    Facts,
    Now,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    show_duration,
    unproven,
)

from ...host.facts import Uptime
from ..analysis.effective import filters
from ..facts import Firewall, Ipv6Stack
from ..path.trace import Fate
from ..path.tracer import verdict
from ..review_facts import Translations
from ..rules.attachment import AttachedChain, attached_chains, reachable, reachable_rules
from ..rules.matches import PacketFamily
from ..rules.owner import table_owners
from ..rules.packet import read_packet
from ..rules.ruleset import Chain, Decision, Hook, Log, Rule, Ruleset, Table
from ..wording import Nothing, conclusion, families, point, rule_subject, short, undecided, unseen

_LOOPBACK = {
    PacketFamily.IPV4: "hook input iif lo tcp 127.0.0.1:40000 -> 127.0.0.1:9",
    PacketFamily.IPV6: "hook input iif lo tcp [::1]:40000 -> [::1]:9",
}


def _pattern(text: str) -> str:
    re.compile(text)
    return text


class Published(Expect):
    """What may be published."""

    ports: tuple[int, ...] = Field((), description="ports that may be published although the input rules refuse them")


class Used(Expect):
    """How long a rule may be without a packet."""

    after: Duration = Field(
        timedelta(days=180), description="rules that met no packet although the host runs that long are not used"
    )


class Comments(Expect):
    """What the comment of a rule must say."""

    owner: Annotated[str, AfterValidator(_pattern)] = Field(
        r"\S", max_length=200, description="regular expression that finds the owner or reason in a comment"
    )
    expires: Annotated[str, AfterValidator(_pattern)] = Field(
        r"\bexpires[ :=]+(\d{4}-\d{2}-\d{2})",
        max_length=200,
        description="regular expression whose first group is the last day of a temporary rule",
    )


@check(
    "firewall.loopback",
    title="The host can talk to itself",
    severity=Severity.LOW,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Accept the loopback interface in the first rule:\n"
        "nft insert rule inet filter input iif lo accept\n"
        "iptables -I INPUT -i lo -j ACCEPT; ip6tables -I INPUT -i lo -j ACCEPT"
    ),
    references={"bsi": ["NET.3.2.A2"]},
)
def loopback(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """A new connection over the loopback interface is accepted, followed through all rules."""
    firewall = facts[Firewall]
    expected = "packets of the loopback interface are accepted"
    for family, text in _LOOPBACK.items():
        if family not in families(facts):
            continue
        subject = f"loopback {family.label}"
        trace = verdict(firewall.ruleset, read_packet(text))
        deciding = [step for step in trace.steps if step.certain][-1:]
        evidence = [point((step.rule or step.chain).origin) for step in deciding]
        stop = unseen(firewall, [family])
        if stop is not None and trace.fate is not Fate.DROP:
            yield stop.verdict(subject, expected=expected)
        elif trace.fate is Fate.ACCEPT:
            yield passed(subject, observed=expected, expected=expected, evidence=evidence)
        elif trace.fate is Fate.UNPROVEN:
            reason = "; ".join(trace.because) or "the ruleset does not tell"
            yield undecided(subject, reason=reason, expected=expected, evidence=evidence)
        else:
            reason = "Services that talk to each other on the host are cut off."
            observed = f"{text}: {trace.fate}"
            yield failed(subject, reason=reason, observed=observed, expected=expected, evidence=evidence)


@check(
    "firewall.published-past-input",
    title="Nothing is published past the input rules",
    severity=Severity.HIGH,
    requires=(Firewall, Translations),
    expect=Published,
    remediation=(
        "Publish the port on an address that only those who need it reach, for example 127.0.0.1 behind a proxy\n"
        "(docker run -p 127.0.0.1:8080:80), or restrict it where forwarded packets pass:\n"
        "iptables -I DOCKER-USER -i eth0 ! -s 10.20.0.0/24 -j DROP"
    ),
    references={"cis-v8": ["4.4"], "pci-4.0": ["1.2.5", "1.4.2"], "bsi": ["NET.3.2.A2"]},
)
def published_past_input(facts: Facts, expect: Published) -> Iterator[Verdict]:
    """No packet to this host that its input rules refuse is let through to another address by translation."""
    firewall, found = facts[Firewall], facts[Translations].published
    expected = "translated packets are refused where the input rules refuse them"
    spoken: set[str] = set()
    for entry in found:
        subject = rule_subject(entry.at.table, entry.at.chain, entry.at.text)
        port = entry.packet.destination_port
        if subject in spoken or (entry.packet.has_ports and port in expect.ports):
            continue
        evidence = (point(entry.at.origin),)
        if entry.bypasses:
            spoken.add(subject)
            observed = f"{entry.packet}: forwarded to {entry.trace.packet.destination}; the input rules would refuse it"
            reason = "A service is open although the rules for packets to this host refuse it."
            yield failed(subject, reason=reason, observed=observed, expected=expected, evidence=evidence)
        elif Fate.UNPROVEN in (entry.trace.fate, entry.untranslated):
            spoken.add(subject)
            reason = "; ".join(entry.trace.because) or "the ruleset does not tell"
            yield undecided(subject, reason=reason, expected=expected, evidence=evidence)
    yield from conclusion(firewall, spoken, observed=f"{len(found)} rules translate destinations", expected=expected)


@check(
    "firewall.drop-logging",
    title="Refused packets are logged",
    severity=Severity.LOW,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Log what is about to be dropped, with a limit, in the last rule:\n"
        'nft add rule inet filter input limit rate 5/minute log prefix \\"dropped: \\"'
    ),
    references={"bsi": ["NET.3.2.A9"], "pci-4.0": ["10.2.1"]},
)
def drop_logging(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """Where incoming packets are filtered, a rule on the input hook logs."""
    firewall = facts[Firewall]
    expected = "a rule that logs on the input hook"
    for family in families(facts):
        subject = f"input {family.label}"
        logging = next(_logging(firewall.ruleset, family), None)
        stop = unseen(firewall, [family])
        if logging is not None:
            evidence = [point(logging.origin)]
            yield passed(subject, observed=f"`{short(logging.text)}`", expected=expected, evidence=evidence)
        elif stop is not None:
            yield stop.verdict(subject, expected=expected)
        elif not filters(firewall.ruleset, family, Hook.INPUT):
            yield not_applicable(subject, reason="incoming packets are not filtered")
        else:
            yield failed(
                subject,
                reason="Nobody can see what was refused.",
                observed="no rule logs",
                expected=expected,
                evidence=firewall.evidence,
            )


def _logging(ruleset: Ruleset, family: PacketFamily) -> Iterator[Rule]:
    for attached in attached_chains(ruleset, family, Hook.INPUT):
        for rule in reachable_rules(attached):
            if any(isinstance(part, Log) for part in rule.statements):
                yield rule


@check(
    "firewall.unused-rules",
    title="Rules that accept are used",
    severity=Severity.LOW,
    requires=(Firewall, Uptime),
    expect=Used,
    remediation="Ask the owner of the rule whether it is still needed; if not, delete it where it is written.",
    references={"pci-4.0": ["1.2.7"]},
)
def unused_rules(facts: Facts, expect: Used) -> Iterator[Verdict]:
    """Every rule that accepts packets has met some since the host was booted, or since the rules were loaded."""
    firewall, uptime = facts[Firewall], facts[Uptime]
    counted = [(at, chain, rule) for at, chain, rule in _accepting(firewall.ruleset) if rule.counter is not None]
    expected = f"met by packets within {show_duration(expect.after)}"
    if not counted:
        yield unproven(kind=UnprovenKind.MISSING, reason="the rules have no counters", expected=expected)
        return
    since = f"the host runs since {uptime.booted:%Y-%m-%d}"
    unused: dict[str, Rule] = {}
    for table, chain, rule in counted:
        if rule.counter is not None and rule.counter.packets == 0:
            unused.setdefault(rule_subject(table, chain, rule.text), rule)
    if unused and uptime.uptime < expect.after:
        reason = f"{len(unused)} rules met no packet, but {since}, which is too short to tell"
        yield unproven(kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=(uptime.evidence,))
        return
    for subject, rule in unused.items():
        yield failed(
            subject,
            reason="No packet has met the rule.",
            observed=f"0 packets; {since}",
            expected=expected,
            evidence=(point(rule.origin), uptime.evidence),
        )
    observed = f"all of {len(counted)} rules"
    yield from conclusion(firewall, unused, observed=observed, expected=expected, evidence=(uptime.evidence,))


@check(
    "firewall.rule-owners",
    title="Rules say who needs them, and temporary ones have gone",
    severity=Severity.LOW,
    requires=(Firewall, Now),
    expect=Comments,
    remediation=(
        "Write the owner and the reason into the rule's comment, and the last day of a temporary rule:\n"
        'nft add rule inet filter input tcp dport 8443 accept comment \\"shop: migration, expires 2027-01-31\\"\n'
        "Delete rules whose day has passed."
    ),
    references={"pci-4.0": ["1.2.5", "1.2.7"], "bsi": ["NET.3.2.A2"]},
)
def rule_owners(facts: Facts, expect: Comments) -> Iterator[Verdict]:
    """Every rule that accepts named packets has a comment with its owner, and no temporary rule outlives its day.

    Rules in tables that a tool writes (Docker, kube-proxy, firewalld, …) are the tool's own.
    """
    firewall, now = facts[Firewall], facts[Now].at
    expected = "a comment with the owner, and no end that has passed"
    spoken: set[str] = set()
    for table, chain, rule in _accepting(firewall.ruleset):
        subject = rule_subject(table, chain, rule.text)
        if table_owners(table) or not rule.matches or subject in spoken:
            continue
        problem = _problem(rule, expect, now)
        if problem:
            spoken.add(subject)
            observed = f"comment: {short(rule.comment)}" if rule.comment else "no comment"
            evidence = (point(rule.origin),)
            yield failed(subject, reason=problem, observed=observed, expected=expected, evidence=evidence)
    yield from conclusion(firewall, spoken, observed="every rule that accepts has one", expected=expected)


def _problem(rule: Rule, expect: Comments, now: datetime) -> str:
    if not re.search(expect.owner, rule.comment):
        return "Nobody can tell who needs the rule."
    found = re.search(expect.expires, rule.comment)
    if found is None or not found.groups():
        return ""
    try:
        last = date.fromisoformat(found[1])
    except ValueError:
        return "The end of the temporary rule is not a date."
    return "The temporary rule should have gone." if now.astimezone(UTC).date() > last else ""


def _accepting(ruleset: Ruleset) -> Iterator[tuple[Table, Chain, Rule]]:
    """Rules that accept, of filter chains on the input and forward hooks and the chains they lead to."""
    seen: set[int] = set()
    attached: list[AttachedChain] = [
        at
        for family in PacketFamily
        for hook in (Hook.INPUT, Hook.FORWARD)
        for at in attached_chains(ruleset, family, hook)
        if at.base.hook is hook and at.base.type == "filter"
    ]
    for at in attached:
        for chain in reachable(at):
            for rule in chain.rules:
                if rule.verdict is Decision.ACCEPT and id(rule) not in seen:
                    seen.add(id(rule))
                    yield at.table, chain, rule
