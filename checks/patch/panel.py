"""What this family shows of a host in the dashboard: packages with fixes that are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secaudit.api import HostView, Now, Severity, Unproven, panel
from secaudit.model.panel import Panel, PanelTable, Tone, Words

from .exposure import Exposed, Exposures
from .facts import PendingUpdates
from .feeds.lookup import Flaw

MOST_FLAWS = 4
"""Advisories of one package that are named; the others are counted."""

_TONES = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.HIGH: Tone.HIGH,
    Severity.MEDIUM: Tone.MEDIUM,
    Severity.LOW: Tone.LOW,
    Severity.INFO: Tone.DIM,
}


@panel("Packages", facts=[PendingUpdates, Exposures])
def pending(view: HostView) -> Panel:
    """Flaws that an installable version repairs, and what the package manager would update."""
    exposures, updates = view.facts.get(Exposures), view.facts.get(PendingUpdates)
    lead: list[str] = []
    parts: list[PanelTable] = []
    if isinstance(exposures, Unproven):
        lead.append(f"Which advisories concern it is not known: {exposures.reason}.")
    else:
        lead.append(
            f"{exposures.installed:,} packages, {exposures.covered:,} of them known to the advisories about "
            f"{exposures.advisories.release}."
        )
        parts.append(_flaws(exposures, view.facts[Now].at))
    if isinstance(updates, Unproven):
        lead.append(f"What would be updated is not known: {updates.reason}.")
    else:
        parts.append(_updates(updates))
    return Panel(" ".join(lead), tuple(parts))


def _flaws(exposures: Exposures, now: datetime) -> PanelTable:
    worst_first = sorted(exposures.exposed, key=lambda one: (-_rank(_worst(one)), one.source))
    rows = tuple(_flawed(one, now) for one in worst_first if one.fixable)
    unfixed = sum(1 for one in exposures.exposed if not one.fixable)
    rest = f"; {unfixed:,} more have flaws that nothing repairs yet" if unfixed else ""
    head = ("severity", "package", "installed", "repaired by", "advisories")
    return PanelTable(f"Packages with a fix for a known flaw ({len(rows):,}{rest})", head, rows)


def _flawed(one: Exposed, now: datetime) -> tuple[Words, ...]:
    open_ones = [flaw for flaw in one.fixable if not one.clears(flaw, now)]
    severity = _worst(one)
    shown = (open_ones or list(one.fixable))[:MOST_FLAWS]
    more = len(open_ones) - len(shown)
    names = ", ".join(_named(flaw) for flaw in shown) + (f" and {more:,} more" if more > 0 else "")
    return (
        _rated(severity) if open_ones else Words("stated harmless", Tone.DIM),
        Words(", ".join(one.packages), Tone.STRONG),
        Words(", ".join(one.installed)),
        Words(max(one.fixable, key=lambda flaw: flaw.order).fixed, Tone.GOOD),
        Words(names, Tone.DIM),
    )


def _named(flaw: Flaw) -> str:
    others = [name for name in flaw.cves if name != flaw.id]
    return f"{flaw.id} ({', '.join(others[:2])}{', …' if len(others) > 2 else ''})" if others else flaw.id


def _rated(severity: Severity | None) -> Words:
    return Words("not rated", Tone.UNSURE) if severity is None else Words(severity.value, _TONES[severity])


def _rank(severity: Severity | None) -> int:
    """What nobody has rated stands among the medium ones."""
    return (severity or Severity.MEDIUM).rank


def _worst(one: Exposed) -> Severity | None:
    known = [flaw.severity for flaw in one.fixable if flaw.severity is not None]
    return max(known, key=lambda severity: severity.rank, default=None)


def _updates(updates: PendingUpdates) -> PanelTable:
    ordered = sorted(updates.updates, key=lambda one: (not one.security, one.package))
    rows = (
        *(
            (
                Words("security", Tone.HIGH) if one.security else Words("update", Tone.DIM),
                Words(one.package, Tone.STRONG),
                Words(one.installed),
                Words(one.fixed, Tone.GOOD),
                Words(", ".join(one.origins), Tone.DIM),
            )
            for one in ordered
        ),
        *_kept_back(updates),
    )
    head = ("kind", "package", "installed", "available", "from")
    return PanelTable(f"What {updates.manager} would update ({len(updates.updates):,})", head, rows)


def _kept_back(updates: PendingUpdates) -> Iterator[tuple[Words, ...]]:
    for one in updates.kept_back:
        yield (
            Words("?", Tone.UNSURE),
            Words(one.package, Tone.STRONG),
            Words(""),
            Words(""),
            Words(one.why, Tone.UNSURE),
        )
