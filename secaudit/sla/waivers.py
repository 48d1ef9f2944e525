"""Laying waivers over the results of a host. No outcome changes; what is wrong with a waiver is a result itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from secaudit.model.contract import WaiverRules
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.severity import Severity
from secaudit.model.waiver import WaiverGrant

CONTROL = "waivers.in-order"
"""Control and check of the results about waivers."""

_TITLE = "A waiver is not in order"
_OPEN = (Outcome.FAILED, Outcome.UNPROVEN)
_DECIDED = (Outcome.PASSED, Outcome.FAILED)


class Standing(StrEnum):
    """What a waiver is worth at a moment."""

    IN_FORCE = "in force"
    PENDING = "pending"
    EXPIRED = "expired"
    TOO_LONG = "too long"
    TOO_BROAD = "too broad"
    INCOMPLETE = "incomplete"
    VOID = "void"
    ORPHANED = "orphaned"
    UNKNOWN = "unknown"
    """Whether it is still needed could not be decided."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A waiver with what it is worth, why, and the results that it covers; `kind` is set when it is unknown."""

    grant: WaiverGrant
    standing: Standing
    reason: str
    covered: tuple[Result, ...] = ()
    kind: UnprovenKind | None = None


def assess(grant: WaiverGrant, rules: WaiverRules, now: datetime) -> Assessment:
    """What a waiver is worth at `now` (aware UTC) by itself, before any result is looked at."""
    missing = [name for name in rules.require if not getattr(grant, name)]
    length = grant.expires - (grant.start or now)
    until = f"{grant.expires:%Y-%m-%d %H:%M} UTC"
    if grant.is_too_broad:
        reason = "it covers every control, or a control on every host and subject; take the control out of the baseline"
        return Assessment(grant, Standing.TOO_BROAD, reason)
    if missing:
        return Assessment(grant, Standing.INCOMPLETE, f"the contract wants it to name {', '.join(missing)}")
    if grant.expires <= now:
        return Assessment(grant, Standing.EXPIRED, f"it expired on {until}")
    if length > timedelta(days=rules.max_days):
        reason = f"it lasts {length.days} days, and {rules.max_days} are allowed"
        return Assessment(grant, Standing.TOO_LONG, reason)
    if grant.start is not None and grant.start > now:
        return Assessment(grant, Standing.PENDING, f"it begins on {grant.start:%Y-%m-%d %H:%M} UTC")
    return Assessment(grant, Standing.IN_FORCE, f"it is in force until {until}")


def assess_on(
    grant: WaiverGrant, rules: WaiverRules, now: datetime, results: Sequence[Result], left_out: Sequence[Result] = ()
) -> Assessment:
    """What a waiver is worth where it met all results of a host that it concerns; orphaned when it covers none.

    `left_out` are the latest results of controls that were not looked at this time; they tell whether it is void.
    """
    alone = assess(grant, rules, now)
    covered = tuple(result for result in results if result.outcome in _OPEN and grant.covers(result))
    found = replace(alone, covered=covered)
    if alone.standing is Standing.IN_FORCE and (broken := _not_passed(grant, (*results, *left_out))):
        return replace(found, standing=Standing.VOID, reason=f"it holds only while {broken} passes")
    if covered or alone.standing not in (Standing.IN_FORCE, Standing.EXPIRED):
        return found
    about = grant.controls(results)
    unproven = next((result for result in about if result.outcome is Outcome.UNPROVEN), None)
    if unproven is not None:
        reason = "whether it is still needed is not known, because its control could not be proven"
        return replace(found, standing=Standing.UNKNOWN, reason=reason, kind=unproven.kind)
    what = "nothing that it covers fails any more" if about else "no control is called like that any more"
    return replace(found, standing=Standing.ORPHANED, reason=what)


def assess_over(
    grant: WaiverGrant, rules: WaiverRules, now: datetime, hosts: Iterable[tuple[Host, Sequence[Result]]]
) -> Assessment:
    """What a waiver is worth over all hosts with their latest results: what it is on the host where it counts most."""
    found = [assess_on(grant, rules, now, results) for host, results in hosts if grant.concerns(host)]
    if not found:
        alone = assess(grant, rules, now)
        if alone.standing in (Standing.IN_FORCE, Standing.EXPIRED):
            return replace(alone, standing=Standing.ORPHANED, reason="it concerns no host that was scanned")
        return alone
    covered = tuple(result for assessment in found for result in assessment.covered)
    return replace(min(found, key=lambda assessment: _WEIGHTIEST.index(assessment.standing)), covered=covered)


def apply(
    grants: Sequence[WaiverGrant],
    rules: WaiverRules,
    host: Host,
    results: Sequence[Result],
    now: datetime,
    known: Mapping[str, datetime],
    left_out: Sequence[Result] = (),
) -> tuple[Result, ...]:
    """The results of a host with their waivers, and behind them a result for every waiver that concerns the host.

    A waiver that is in force is attached to what it covers, be it failed or unproven; of several the one that lasts
    longest counts. Where nothing about the host was decided, nothing is said for sure about its waivers either. `known`
    says since when findings are known, as for `Result.first_seen`; `left_out` as for `assess_on`.
    """
    assessments = [assess_on(grant, rules, now, results, left_out) for grant in grants if grant.concerns(host)]
    waivers: dict[str, Waiver] = {}
    for found in sorted(assessments, key=lambda found: found.grant.expires):
        if found.standing is Standing.IN_FORCE:
            grant = found.grant
            waiver = Waiver(grant.owner, grant.reason, grant.expires, grant.approver, grant.compensation)
            waivers |= {result.fingerprint: waiver for result in found.covered}
    covered = (
        replace(result, waiver=waivers[result.fingerprint])
        if result.outcome in _OPEN and result.fingerprint in waivers
        else result
        for result in results
    )
    if not any(result.outcome in _DECIDED for result in results):
        assessments = [_undecided(found, results) for found in assessments]
    return (*covered, *_about_waivers(host, assessments, now, known))


def _undecided(found: Assessment, results: Sequence[Result]) -> Assessment:
    kind = next((result.kind for result in results if result.kind is not None), UnprovenKind.NOT_RECORDED)
    return replace(found, standing=Standing.UNKNOWN, reason="nothing about this host could be decided", kind=kind)


_WEIGHTIEST = (
    Standing.TOO_BROAD,
    Standing.INCOMPLETE,
    Standing.TOO_LONG,
    Standing.PENDING,
    Standing.VOID,
    Standing.EXPIRED,
    Standing.IN_FORCE,
    Standing.UNKNOWN,
    Standing.ORPHANED,
)
"""Trouble on one host outweighs order on another; being orphaned counts only where it is so everywhere."""


def _not_passed(grant: WaiverGrant, results: Sequence[Result]) -> str:
    """The first control that the waiver depends on and that is not passed; empty when all are."""
    for control in grant.while_passed:
        outcomes = {result.outcome for result in results if result.control == control}
        if outcomes != {Outcome.PASSED}:
            return control
    return ""


_SEVERITY = {
    Standing.TOO_BROAD: Severity.HIGH,
    Standing.EXPIRED: Severity.MEDIUM,
    Standing.TOO_LONG: Severity.MEDIUM,
    Standing.INCOMPLETE: Severity.MEDIUM,
    Standing.VOID: Severity.MEDIUM,
    Standing.ORPHANED: Severity.LOW,
}

_REMEDIATION = {
    Standing.TOO_BROAD: "Name the control, and the host, tag or subject that is accepted.",
    Standing.EXPIRED: "Mend what it covers, or have a new waiver approved.",
    Standing.TOO_LONG: "Let it expire within the length that the contract allows.",
    Standing.INCOMPLETE: "Add what the contract wants a waiver to name.",
    Standing.VOID: "Bring back what protects instead, or mend what the waiver covers.",
    Standing.ORPHANED: "Take the waiver out of its file.",
}


def _about_waivers(
    host: Host, assessments: Sequence[Assessment], now: datetime, known: Mapping[str, datetime]
) -> Iterator[Result]:
    """A result per waiver, the best of those that cover the same: one that was renewed may leave its old one behind."""
    best: dict[str, Assessment] = {}
    for found in assessments:
        if not (found.covered or found.grant.names_its_host):
            continue
        other = best.get(found.grant.name)
        if other is None or _rank(found) < _rank(other):
            best[found.grant.name] = found
    for name, found in best.items():
        outcome, severity = _judged(found.standing)
        reason = f"{found.grant.owner}'s waiver ({found.grant.reason}): {found.reason}"
        yield replace(
            _result(host, name, outcome, severity, reason, known.get(_identity(host, name), now)),
            kind=found.kind,
            observed=found.standing.value,
            expected=Standing.IN_FORCE.value,
            remediation=_REMEDIATION.get(found.standing, ""),
            baseline=str(found.grant.location),
        )
    if not best:
        yield _result(host, "", Outcome.NOT_APPLICABLE, Severity.INFO, "no waiver concerns this host", now)


def _identity(host: Host, subject: str) -> str:
    return fingerprint(host.customer, host.name, CONTROL, subject)


def _result(host: Host, subject: str, outcome: Outcome, severity: Severity, reason: str, seen: datetime) -> Result:
    return Result(
        fingerprint=_identity(host, subject),
        control=CONTROL,
        check=CONTROL,
        family=CONTROL.partition(".")[0],
        title=_TITLE,
        customer=host.customer,
        site=host.site,
        host=host.name,
        subject=subject,
        outcome=outcome,
        severity=severity,
        reason=reason,
        first_seen=seen,
    )


def is_trouble(standing: Standing) -> bool:
    """Whether somebody has to do something about a waiver."""
    return standing in _SEVERITY


def _judged(standing: Standing) -> tuple[Outcome, Severity]:
    if standing in _SEVERITY:
        return Outcome.FAILED, _SEVERITY[standing]
    if standing is Standing.UNKNOWN:
        return Outcome.UNPROVEN, Severity.LOW
    return (Outcome.NOT_APPLICABLE if standing is Standing.PENDING else Outcome.PASSED), Severity.INFO


def _rank(found: Assessment) -> int:
    order = (Standing.IN_FORCE, Standing.UNKNOWN, Standing.PENDING)
    return order.index(found.standing) if found.standing in order else len(order)
