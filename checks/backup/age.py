"""The age of a backup copy against the limit, the same for every kind of copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secaudit.api import Evidence, Verdict, failed, passed, show_duration

from ..host.facts import CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class NewestCopy:
    """The copy that decides: `what` names it for people, `faults` are sentences on what else is wrong with it.

    `note` says what was passed over for it, `caveat` what is not proven although it passes.
    """

    what: str
    stamp: datetime
    evidence: Evidence
    faults: tuple[str, ...] = ()
    note: str = ""
    caveat: str = ""


def judge(
    subject: str, copy: NewestCopy, now: datetime, max_age: timedelta, also_expected: Sequence[str], remediation: str
) -> Verdict:
    """Failed when the copy is too old, is from the future or has a fault; else passed."""
    age = now - copy.stamp
    expected = ", ".join((f"not older than {show_duration(max_age)}", *also_expected))
    faults = list(copy.faults)
    if age < -CLOCK_TOLERANCE:
        observed = f"{copy.what}, {show_duration(-age)} in the future"
        faults.insert(0, "The newest backup bears a time in the future: a clock is wrong, or the time was set by hand.")
    else:
        observed = f"{copy.what}, {show_duration(max(age, timedelta()))} old"
    if age > max_age:
        faults.insert(0, "The newest backup is too old.")
    if faults:
        return failed(
            subject,
            reason=" ".join((*faults, copy.note)).strip(),
            observed=observed,
            expected=expected,
            evidence=[copy.evidence],
            remediation=remediation,
        )
    reason = " ".join((copy.note, copy.caveat)).strip()
    return passed(subject, reason=reason, observed=observed, expected=expected, evidence=[copy.evidence])
