"""The life of findings: what one scan of a host changes. Pure functions.

A finding is a control and subject that failed or could not be proven. It is open from the first scan that says so
until a complete scan proves the opposite. `docs/store.md` has the rules for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result
from secaudit.model.severity import Severity

_OPENING = (Outcome.FAILED, Outcome.UNPROVEN)
_WORST_FIRST = (Outcome.FAILED, Outcome.UNPROVEN, Outcome.PASSED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Finding:
    """A failed or unproven control on one subject, over all scans. Times are aware UTC.

    `first_seen` is when it was seen for the first time ever, `opened` when it was seen first since it was last
    resolved (the same unless `reopened` is above 0), `last_seen` when a scan last reported it failed or unproven, in
    the run `last_run`. `resolved` is when a complete scan proved that it is gone, None while it is open.

    `outcome` is the latest: `failed` or `unproven` while open; `passed` when the subject passed, `not_applicable` when
    there is no such subject any more. `waived` says that the latest failure was under a waiver.
    `advisories` are the ids and CVEs that it is about, as it was last seen.
    """

    fingerprint: str
    customer: str
    host: str
    site: str
    control: str
    check: str
    family: str
    subject: str
    title: str
    reason: str
    severity: Severity
    outcome: Outcome
    kind: UnprovenKind | None
    waived: bool
    first_seen: datetime
    opened: datetime
    last_seen: datetime
    last_run: str
    due: datetime | None
    resolved: datetime | None
    reopened: int
    advisories: tuple[str, ...] = ()


def advance(
    before: Mapping[str, Finding], results: Sequence[Result], run: str, at: datetime, status: Reach
) -> dict[str, Finding]:
    """The findings of one host that a scan of it changes or creates, by fingerprint.

    `before` are all findings of the host; `at` is when the scan opened the host (aware UTC). Of two results with one
    fingerprint the worse counts.

    A finding resolves only when `status` is complete and its control was evaluated: the same subject passed or is not
    applicable, or the control no longer names the subject and is not itself unproven anywhere. A control that was not
    evaluated, or an unproven one, resolves nothing.
    """
    worst: dict[str, Result] = {}
    for result in results:
        other = worst.get(result.fingerprint)
        if other is None or _WORST_FIRST.index(result.outcome) < _WORST_FIRST.index(other.outcome):
            worst[result.fingerprint] = result
    changed = {
        fingerprint: _seen(before.get(fingerprint), result, run, at)
        for fingerprint, result in worst.items()
        if result.outcome in _OPENING
    }
    if status is Reach.COMPLETE:
        evaluated = {result.control for result in results}
        unproven = {result.control for result in results if result.outcome is Outcome.UNPROVEN}
        for fingerprint, finding in before.items():
            if finding.resolved is not None or fingerprint in changed or finding.control not in evaluated:
                continue
            now = worst.get(fingerprint)
            if now is not None:
                changed[fingerprint] = replace(finding, outcome=now.outcome, kind=None, reason=now.reason, resolved=at)
            elif finding.control not in unproven:
                changed[fingerprint] = replace(finding, outcome=Outcome.NOT_APPLICABLE, kind=None, resolved=at)
    return changed


def _seen(before: Finding | None, result: Result, run: str, at: datetime) -> Finding:
    reopened = before is not None and before.resolved is not None
    opened = before.opened if before is not None and not reopened else result.first_seen or at
    return Finding(
        fingerprint=result.fingerprint,
        customer=result.customer,
        host=result.host,
        site=result.site,
        control=result.control,
        check=result.check,
        family=result.family,
        subject=result.subject,
        title=result.title,
        reason=result.reason,
        severity=result.severity,
        outcome=result.outcome,
        kind=result.kind,
        waived=result.waiver is not None,
        first_seen=before.first_seen if before is not None else opened,
        opened=opened,
        last_seen=at,
        last_run=run,
        due=result.due,
        resolved=None,
        reopened=(before.reopened if before is not None else 0) + reopened,
        advisories=tuple(dict.fromkeys(name for one in result.advisories for name in one.names)),
    )
