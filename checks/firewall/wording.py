"""What the checks of this family have in common: subjects, pointers, and what stands in the way of an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from secaudit.api import Evidence, Expect, Facts, Unproven, UnprovenKind, Verdict, unproven

from .facts import Firewall, Ipv6Stack
from .rules.matches import PacketFamily
from .rules.ruleset import Origin

TEXT_LENGTH = 300


class Nothing(Expect):
    """The check has nothing to set."""


def ipv6_off(facts: Facts) -> Ipv6Stack | None:
    """The fact that proves that IPv6 is off; None when it is on or nobody knows."""
    stack = facts.get(Ipv6Stack)
    return None if isinstance(stack, Unproven) or stack.enabled else stack


def point(origin: Origin) -> Evidence:
    """The line where something was read."""
    return Evidence.of(origin.source, 0, (origin.line, origin.line), [origin.excerpt])


def short(text: str) -> str:
    """A rule's text as part of an identity: long ones are cut, and told apart by a digest of the whole."""
    if len(text) <= TEXT_LENGTH:
        return text
    return f"{text[:TEXT_LENGTH]}… ({hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]})"


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


def stopped(subject: str, stop: Unproven, expected: str) -> Verdict:
    """The subject could not be decided for the reason that `stop` gives."""
    return unproven(subject, kind=stop.kind, reason=stop.reason, expected=expected, evidence=stop.evidence)
