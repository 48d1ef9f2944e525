"""What the checks of this family have in common: subjects, pointers, and what stands in the way of an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

from secaudit.api import Evidence, Expect, Facts, Unproven, UnprovenKind, Verdict, not_applicable, passed, unproven

from .facts import Firewall, Ipv6Stack
from .rules.matches import PacketFamily
from .rules.ruleset import Chain, Origin, Table

TEXT_LENGTH = 300


class Nothing(Expect):
    """The check has nothing to set."""


def ipv6_off(facts: Facts) -> Ipv6Stack | None:
    """The fact that proves that IPv6 is off; None when it is on or nobody knows."""
    stack = facts.get(Ipv6Stack)
    return None if isinstance(stack, Unproven) or stack.enabled else stack


def families(facts: Facts) -> tuple[PacketFamily, ...]:
    """The families that the host speaks: both, unless it is proven that IPv6 is off."""
    return (PacketFamily.IPV4,) if ipv6_off(facts) else tuple(PacketFamily)


def point(origin: Origin) -> Evidence:
    """The line where something was read."""
    return Evidence.of(origin.source, 0, (origin.line, origin.line), [origin.excerpt])


def short(text: str) -> str:
    """A rule's text as part of an identity: long ones are cut, and told apart by a digest of the whole."""
    if len(text) <= TEXT_LENGTH:
        return text
    return f"{text[:TEXT_LENGTH]}… ({hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]})"


def rule_subject(table: Table, chain: Chain, text: str) -> str:
    """A rule by what it says and where, never by its number, which changes with its neighbours."""
    return f"{table.label} {chain.name}: {short(text)}"


def place(origin: Origin) -> str:
    """Line and command, for people."""
    return f"line {origin.line} of `{origin.source}`"


def unread(firewall: Firewall) -> Unproven | None:
    """What was not understood outside of rules, if anything: it could hold any rule."""
    if not firewall.ruleset.unread:
        return None
    first, *others = firewall.ruleset.unread
    more = f" … and {len(others)} more such places" if others else ""
    reason = f"{place(first.origin)} {first.why}: {short(first.origin.excerpt)}{more}"
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (point(first.origin),))


def unseen(firewall: Firewall, families: Iterable[PacketFamily] = PacketFamily) -> Unproven | None:
    """What could not be read or understood, if anything, that might drop packets of the families."""
    gaps = (firewall.gap(family) for family in families)
    gap = next((gap for gap in gaps if gap is not None), None)
    return unread(firewall) or (Unproven(gap.kind, gap.reason, gap.evidence) if gap else None)


def unfiltered(firewall: Firewall, subject: str, family: PacketFamily, *, expected: str) -> Verdict:
    """That a check of filtered packets does not speak about a family of which no rule filters any, if that is seen."""
    stop = unseen(firewall, [family])
    if stop is not None:
        return stop.verdict(subject, expected=expected)
    return not_applicable(subject, reason="incoming packets are not filtered")


def undecided(subject: str, *, reason: str, expected: str = "", evidence: Iterable[Evidence] = ()) -> Verdict:
    """The subject could not be decided, because something is in the rules that is not understood."""
    return unproven(subject, kind=UnprovenKind.NOT_UNDERSTOOD, reason=reason, expected=expected, evidence=evidence)


def conclusion(
    firewall: Firewall,
    spoken: Collection[object],
    *,
    observed: str,
    expected: str,
    evidence: Iterable[Evidence] | None = None,
    families: Iterable[PacketFamily] = PacketFamily,
) -> Iterator[Verdict]:
    """What is left to say of the whole ruleset once its findings have been `spoken`.

    That not everything of the families was seen; else, if there was no finding, that it is as expected: `observed`,
    with the answers that the firewall was read from where no other `evidence` is given.
    """
    stop = unseen(firewall, families)
    if stop is not None:
        yield stop.verdict("ruleset", expected=expected)
    elif not spoken:
        yield passed(observed=observed, expected=expected, evidence=firewall.evidence if evidence is None else evidence)
