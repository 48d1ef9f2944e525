"""What the commands say, as JSON documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .analysis.anomalies import Anomaly, Location, Undecided
from .analysis.changes import Change
from .analysis.reach import Access, Service
from .path.trace import Step, Trace
from .rules.numbers import PROTOCOLS
from .rules.packet import Packet
from .rules.ruleset import Rule, Unread
from .verify.compare import Comparison


def location(at: Location) -> dict[str, Any]:
    """A rule, chain or policy and where it stands."""
    return {
        "table": at.table.label,
        "chain": at.chain.name,
        "index": at.index,
        "line": at.line,
        "handle": at.rule.handle if at.rule else None,
        "text": at.text,
    }


def anomaly(found: Anomaly) -> dict[str, Any]:
    """One finding."""
    return {
        "kind": found.kind,
        "severity": found.severity,
        "rule": location(found.at),
        "by": [location(other) for other in found.by],
        "witness": packet(found.witness) if found.witness else None,
        "verdict_differs": found.verdict_differs,
    }


def undecided(found: Undecided) -> dict[str, Any]:
    """What could not be decided."""
    return {"rule": location(found.at), "why": found.why, "on": [location(other) for other in found.on]}


def unmodelled(found: Iterable[Unread]) -> list[dict[str, Any]]:
    """What was not understood, with its line."""
    return [{"line": entry.origin.line, "text": entry.origin.excerpt, "why": entry.why} for entry in found]


def packet(found: Packet) -> dict[str, Any]:
    """A packet in the words of `query`, and its main fields."""
    return {
        "packet": str(found),
        "hook": found.hook,
        "protocol": found.protocol,
        "source": _text(found.source),
        "destination": _text(found.destination),
        "source_port": found.source_port,
        "destination_port": found.destination_port,
        "in_interface": found.in_interface,
        "out_interface": found.out_interface,
        "state": found.state,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def trace(found: Trace) -> dict[str, Any]:
    """A verdict with the way to it."""
    return {
        "verdict": found.fate,
        "possible": sorted(found.possible),
        "because": list(found.because),
        "path": [_step(step) for step in found.steps],
        "packet": packet(found.packet),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "hook": step.hook,
        "table": step.table.label,
        "chain": step.chain.name,
        "line": (step.rule or step.chain).origin.line,
        "text": step.rule.text if step.rule else "policy",
        "action": step.action,
        "certain": step.certain,
    }


def service(found: Service) -> dict[str, Any]:
    """Who reaches a service."""
    return {
        "service": found.label,
        "family": found.family,
        "protocol": next(name for name, number in PROTOCOLS.items() if number == found.protocol),
        "ports": [found.ports.low, found.ports.high],
        "translated": found.translated,
        "way": found.way,
        "target": found.target,
        "access": [_access(part) for part in found.access],
    }


def _access(found: Access) -> dict[str, Any]:
    return {
        "sources": [str(part) for part in found.sources],
        "interfaces": list(found.interfaces),
        "destinations": [str(part) for part in found.destinations],
        "certain": found.certain,
    }


def change(found: Change) -> dict[str, Any]:
    """A packet that fares differently."""
    return {
        "hook": found.hook,
        "before": found.before,
        "after": found.after,
        "becomes_before": found.becomes_before,
        "becomes_after": found.becomes_after,
        "rule_before": _rule(found.rule_before),
        "rule_after": _rule(found.rule_after),
        "witness": packet(found.packet),
    }


def _rule(rule: Rule | None) -> dict[str, Any]:
    return {"line": rule.origin.line, "text": rule.text} if rule else {"line": None, "text": "policy"}


def comparison(found: Comparison) -> dict[str, Any]:
    """What the kernel made of the packets, against what was predicted."""
    return {
        "agreed": found.agreed,
        "undecided": found.undecided,
        "rules": found.rules,
        "mismatches": [str(mismatch) for mismatch in found.mismatches],
        "unsent": dict(Counter(found.unsent)),
    }
