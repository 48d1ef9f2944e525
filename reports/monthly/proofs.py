"""What has to be seen before a promise counts as kept: its parts, and the checks that prove each of them.

A check of the right family is not enough: that no service has failed says nothing about a disk. A part without checks
is one that nothing proves so far; a promise that has such a part cannot be met, and the report says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from secaudit.model.month import MonthRecord

from .report import Part, PromiseId


@dataclass(frozen=True, slots=True)
class Proof:
    """The checks (globs) that prove a part, on every scanned host or on any of them."""

    part: Part
    checks: tuple[str, ...]
    everywhere: bool = True


PROOFS: Mapping[PromiseId, tuple[Proof, ...]] = {
    PromiseId.FIREWALL: (
        Proof(Part.FILTER, ("firewall.default-policy", "firewall.intended-flows")),
        Proof(Part.PORTS, ("network.open-ports", "network.listening-services")),
    ),
    PromiseId.PATCHES: (Proof(Part.UPDATES, ("patch.pending-security", "patch.advisories-overdue")),),
    PromiseId.OTHER_BACKUPS: (Proof(Part.FRESHNESS, ("backup.*",), everywhere=False),),
    PromiseId.HARDWARE: (
        Proof(Part.ARRAYS, ("resilience.raid-degraded",)),
        Proof(Part.DEVICES, ()),
        Proof(Part.FAILOVER, ()),
    ),
    PromiseId.VERSIONS: (
        Proof(Part.SUPPORT, ("patch.end-of-life",)),
        Proof(Part.RELEASES, ("patch.release-behind",), everywhere=False),
    ),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that no check proves: on these hosts, or nowhere when there are none."""

    part: Part
    hosts: tuple[str, ...] = ()


def missing(record: MonthRecord, id: PromiseId) -> Iterator[Missing]:
    """The parts of a promise that no check looked at on the scanned hosts. What a check answered is shown elsewhere."""
    scanned = [host for host in record.hosts if host.scanned is not None]
    for proof in PROOFS.get(id, ()):
        seen = {
            host.record.host
            for host in scanned
            for result in host.results
            if any(fnmatchcase(result.check, pattern) for pattern in proof.checks)
        }
        if not seen:
            yield Missing(proof.part)
        elif proof.everywhere and len(seen) < len(scanned):
            yield Missing(proof.part, tuple(host.record.host for host in scanned if host.record.host not in seen))
