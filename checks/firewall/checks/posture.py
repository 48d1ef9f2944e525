"""Checks of the firewall as a whole: that there is one, what it does by default, and for which packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from secaudit.api import (
    Expect,
    Facts,
    Severity,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    unproven,
)

from ..analysis.effective import Answer, HookDefault, accepts_established, filters, hook_default
from ..analysis.open_rules import OpenRule, open_rules
from ..facts import Firewall, Ipv6Stack
from ..rules.matches import PacketFamily
from ..rules.owner import owners
from ..rules.ruleset import Hook, Ruleset
from ..wording import (
    Nothing,
    conclusion,
    families,
    ipv6_off,
    place,
    point,
    rule_subject,
    short,
    undecided,
    unread,
    unseen,
)

Wanted = Literal["drop", "any"]


class DefaultPolicy(Expect):
    """What must become of packets that no rule speaks about; reject counts as drop."""

    input: Wanted = Field(
        "drop", description="drop: packets to this host that no rule accepts are dropped; any: no demand"
    )
    forward: Wanted = Field("drop", description="the same for packets that this host would pass on")
    output: Wanted = Field("any", description="the same for packets that this host sends")

    @model_validator(mode="after")
    def _can_fail(self) -> Self:
        if {self.input, self.forward, self.output} == {"any"}:
            raise ValueError("demands nothing: write drop for at least one of input, forward and output")
        return self


class OpenHooks(Expect):
    """Where a rule that accepts everything is not wanted."""

    hooks: tuple[Literal["input", "forward"], ...] = Field(("input", "forward"), min_length=1)


def _owned(ruleset: Ruleset) -> str:
    found = owners(ruleset)
    return f" (rules managed by {', '.join(found)})" if found else ""


@check(
    "firewall.missing",
    title="There is a firewall",
    severity=Severity.HIGH,
    requires=(Firewall,),
    expect=Nothing,
    remediation=(
        "Install and enable a packet filter that drops what is not allowed, for example:\n"
        "apt install nftables && editor /etc/nftables.conf && systemctl enable --now nftables"
    ),
    references={"cis-v8": ["4.4"], "pci-4.0": ["1.2.1", "1.3.1"], "bsi": ["NET.3.2.A2"]},
)
def missing(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """Some rule or policy filters the packets that reach the host, for at least one of IPv4 and IPv6."""
    firewall = facts[Firewall]
    expected = "a rule or a policy that can drop incoming packets"
    filtered = [family for family in PacketFamily if filters(firewall.ruleset, family, Hook.INPUT)]
    stop = unseen(firewall)
    if filtered:
        names = " and ".join(family.label for family in filtered)
        observed = f"incoming {names} packets are filtered{_owned(firewall.ruleset)}"
        yield passed("input", observed=observed, expected=expected, evidence=firewall.evidence)
    elif stop is not None:
        yield stop.verdict("input", expected=expected)
    else:
        yield failed(
            "input",
            reason="No rule and no policy filters what reaches this host: every listening service is exposed.",
            observed="; ".join(f"{source.command}: {source.gave}" for source in firewall.sources),
            expected=expected,
            evidence=firewall.evidence,
        )


@check(
    "firewall.default-policy",
    title="What no rule accepts is dropped",
    severity=Severity.HIGH,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=DefaultPolicy,
    remediation=(
        "Accept what is needed first (replies, loopback, administration), then drop the rest by policy, for both\n"
        "families. nftables: nft chain inet filter input '{ policy drop; }'\n"
        "iptables: iptables -P INPUT DROP; ip6tables -P INPUT DROP\n"
        "ufw: ufw default deny incoming\n"
        "Then save the ruleset so that it survives a restart."
    ),
    references={"cis-v8": ["4.4", "4.5"], "pci-4.0": ["1.3.1", "1.3.2", "1.4.2"], "bsi": ["NET.3.2.A2"]},
)
def default_policy(facts: Facts, expect: DefaultPolicy) -> Iterator[Verdict]:
    """What no rule accepts is dropped, on the input and forward hooks, for IPv4 and for IPv6.

    A last rule that drops or rejects everything counts like a policy.
    """
    firewall = facts[Firewall]
    off = ipv6_off(facts)
    for hook, wanted in ((Hook.INPUT, expect.input), (Hook.FORWARD, expect.forward), (Hook.OUTPUT, expect.output)):
        if wanted == "any":
            continue
        for family in PacketFamily:
            if family is PacketFamily.IPV6 and off is not None:
                yield not_applicable(f"{hook} {family}", reason=off.reason, evidence=(off.evidence,))
            else:
                yield _judge_default(firewall, hook_default(firewall.ruleset, family, hook))


def _judge_default(firewall: Firewall, default: HookDefault) -> Verdict:
    subject = f"{default.hook} {default.family}"
    expected = "dropped by default"
    gap = unread(firewall)
    if gap is not None:
        return gap.verdict(subject, expected=expected)
    if default.answer is Answer.DROP:
        dropping = [chain for chain in default.chains if chain.answer is Answer.DROP]
        return passed(
            subject,
            observed=_tell(default) + _owned(firewall.ruleset),
            expected=expected,
            evidence=[point(chain.by.origin if chain.by else chain.attached.chain.origin) for chain in dropping],
        )
    if default.answer is Answer.UNKNOWN:
        return _undecided_default(subject, default, expected)
    stop = unseen(firewall, [default.family])
    if stop is not None:
        return stop.verdict(subject, expected=expected)
    chains = [point(chain.by.origin if chain.by else chain.attached.chain.origin) for chain in default.chains]
    return failed(
        subject,
        reason=f"{default.family.label} packets that no rule picks out are accepted on the {default.hook} hook.",
        observed=_tell(default) + _owned(firewall.ruleset),
        expected=expected,
        evidence=chains or firewall.evidence,
    )


def _undecided_default(subject: str, default: HookDefault, expected: str) -> Verdict:
    open_chains = [chain for chain in default.chains if chain.answer is Answer.UNKNOWN]
    rules = [rule for chain in open_chains for rule in chain.depends_on]
    if not rules:
        reason = "packets are dropped by default at the ingress of some devices only"
        evidence = [point(chain.attached.chain.origin) for chain in open_chains]
        return undecided(subject, reason=reason, expected=expected, evidence=evidence)
    first = rules[0]
    why = "; ".join(first.unmodelled) or "it leads to chains that are not followed"
    return undecided(
        subject,
        reason=f"it depends on the rule `{short(first.text)}` ({place(first.origin)}): {why}",
        expected=expected,
        evidence=[point(rule.origin) for rule in rules],
    )


def _tell(default: HookDefault) -> str:
    """What the base chains that matter do by default: those with the answer, filter chains of the hook first."""
    shown = [chain for chain in default.chains if chain.answer is default.answer]
    here = [chain for chain in shown if chain.attached.base.hook is default.hook]
    shown = [chain for chain in here if chain.attached.base.type == "filter"] or here or shown
    if not shown:
        return "no base chain sees these packets"
    parts = []
    for chain in shown:
        where = f"{chain.attached.table.label} {chain.attached.chain.name}"
        parts.append(
            f"{where}: " + (f"`{short(chain.by.text)}`" if chain.by else f"policy {chain.attached.base.policy}")
        )
    return "; ".join(parts)


@check(
    "firewall.any-any",
    title="No rule accepts everything",
    severity=Severity.HIGH,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=OpenHooks,
    remediation=(
        "Replace the rule by rules that name the sources, protocols and ports that are needed, and delete it.\n"
        "iptables: iptables -L --line-numbers, then iptables -D CHAIN NUMBER\n"
        "nftables: nft -a list ruleset, then nft delete rule FAMILY TABLE CHAIN handle HANDLE"
    ),
    references={"cis-v8": ["4.4"], "pci-4.0": ["1.2.5", "1.3.1", "1.4.2"], "bsi": ["NET.3.2.A2"]},
)
def any_any(facts: Facts, expect: OpenHooks) -> Iterator[Verdict]:
    """No rule on the input and forward hooks accepts everything that reaches it."""
    firewall = facts[Firewall]
    gap = unread(firewall)
    if gap is not None:
        raise gap
    found: dict[str, tuple[PacketFamily, OpenRule]] = {}
    for hook in expect.hooks:
        for family in families(facts):
            for rule in open_rules(firewall.ruleset, family, Hook(hook)):
                subject = rule_subject(rule.table, rule.chain, rule.rule.text)
                if subject not in found or (rule.certain and not found[subject][1].certain):
                    found[subject] = family, rule
    for subject, (family, rule) in found.items():
        yield _judge_open(firewall, subject, family, rule)
    rules = sum(1 for _ in firewall.ruleset.rules)
    observed = f"none among {rules} rules{_owned(firewall.ruleset)}"
    expected = "no rule that accepts everything"
    yield from conclusion(firewall, found, observed=observed, expected=expected, families=families(facts))


def _judge_open(firewall: Firewall, subject: str, family: PacketFamily, found: OpenRule) -> Verdict:
    expected = "no rule that accepts everything"
    evidence = (point(found.rule.origin),)
    base = found.attached.base
    if not found.certain:
        why = "; ".join(found.rule.unmodelled) or "whether everything reaches it is not understood"
        reason = f"the rule may accept everything on the {base.hook} hook: {why}"
        return undecided(subject, reason=reason, expected=expected, evidence=evidence)
    stop = unseen(firewall, [family])
    if stop is not None:
        reason = f"the rule accepts everything unless other rules drop it, and {stop.reason}"
        return unproven(subject, kind=stop.kind, reason=reason, expected=expected, evidence=evidence + stop.evidence)
    where = f"{found.table.label} {found.chain.name}"
    used = f", met by {found.rule.counter.packets} packets" if found.rule.counter else ""
    return failed(
        subject,
        reason=f"The rule accepts all or nearly all packets that reach it on the {base.hook} hook.",
        observed=f"{where}: `{short(found.rule.text)}`{used}{_owned(firewall.ruleset)}",
        expected=expected,
        evidence=evidence,
    )


@check(
    "firewall.ipv6-unfiltered",
    title="IPv6 is filtered as IPv4 is",
    severity=Severity.HIGH,
    requires=(Firewall, Ipv6Stack),
    expect=Nothing,
    remediation=(
        "Give IPv6 the rules that IPv4 has: a table of family inet in nftables covers both; with iptables load the\n"
        "same policy with ip6tables; with ufw set IPV6=yes in /etc/default/ufw and run ufw reload.\n"
        "Where IPv6 is not used, switch it off: net.ipv6.conf.all.disable_ipv6 = 1 in /etc/sysctl.d/"
    ),
    references={"cis-v8": ["4.4"], "pci-4.0": ["1.3.1"], "bsi": ["NET.3.2.A2", "NET.3.2.A17"]},
)
def ipv6_unfiltered(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """Where incoming IPv4 packets are filtered, incoming IPv6 packets are filtered too, unless IPv6 is off."""
    firewall, stack = facts[Firewall], facts[Ipv6Stack]
    expected = "incoming IPv6 packets are filtered where IPv4 packets are"
    stop = unseen(firewall, [PacketFamily.IPV6])
    if not stack.enabled:
        yield not_applicable("input ipv6", reason=stack.reason, evidence=(stack.evidence,))
    elif filters(firewall.ruleset, PacketFamily.IPV6, Hook.INPUT):
        observed = f"incoming IPv6 packets are filtered{_owned(firewall.ruleset)}"
        yield passed("input ipv6", observed=observed, expected=expected, evidence=firewall.evidence)
    elif stop is not None:
        yield stop.verdict("input ipv6", expected=expected)
    elif filters(firewall.ruleset, PacketFamily.IPV4, Hook.INPUT):
        yield failed(
            "input ipv6",
            reason="IPv6 is on and not filtered: every service that IPv4 rules protect is open over IPv6.",
            observed=f"no rule and no policy can drop an incoming IPv6 packet; {stack.reason}",
            expected=expected,
            evidence=(*firewall.evidence, stack.evidence),
        )
    elif (stop := unseen(firewall)) is not None:
        yield stop.verdict("input ipv6", expected=expected)
    else:
        reason = "incoming IPv4 packets are not filtered either"
        yield not_applicable("input ipv6", reason=reason, evidence=firewall.evidence)


@check(
    "firewall.established",
    title="Replies are filtered statefully",
    severity=Severity.LOW,
    requires=(Firewall,),
    considers=(Ipv6Stack,),
    expect=Nothing,
    remediation=(
        "Accept replies by connection state instead of by port, as one of the first rules:\n"
        "nft add rule inet filter input ct state established,related accept\n"
        "iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    ),
    references={"pci-4.0": ["1.4.2"], "bsi": ["NET.3.2.A3"]},
)
def established(facts: Facts, _: Nothing) -> Iterator[Verdict]:
    """Where incoming packets are dropped by default, replies are let in by their connection tracking state."""
    firewall = facts[Firewall]
    expected = "a rule that accepts packets of established connections"
    off = ipv6_off(facts)
    for family in PacketFamily:
        subject = f"input {family}"
        if family is PacketFamily.IPV6 and off is not None:
            yield not_applicable(subject, reason=off.reason, evidence=(off.evidence,))
            continue
        rule = accepts_established(firewall.ruleset, family)
        stop = unseen(firewall, [family])
        if rule is not None:
            evidence = (point(rule.origin),)
            yield passed(subject, observed=f"`{short(rule.text)}`", expected=expected, evidence=evidence)
        elif stop is not None:
            yield stop.verdict(subject, expected=expected)
        elif hook_default(firewall.ruleset, family, Hook.INPUT).answer is Answer.ACCEPT:
            yield not_applicable(subject, reason="incoming packets are not dropped by default")
        else:
            yield failed(
                subject,
                reason="Replies are not told from new connections, so ports must stand open for them.",
                observed="no rule accepts packets by the state established",
                expected=expected,
                evidence=firewall.evidence,
            )
