"""The gate: whether a run may let a deployment through. One rule for commands, exports and reports."""

from __future__ import annotations

from enum import IntEnum

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity


class GateExit(IntEnum):
    """What the gate says, as the exit code of the command that asks it."""

    OPEN = 0
    FINDINGS = 1
    INCOMPLETE = 3


def judge(report: RunReport, fail_on: Severity = Severity.CRITICAL) -> GateExit:
    """Hold a run against the severity that blocks.

    An unwaived failure of `fail_on` or above gives `FINDINGS`. Otherwise the run is `INCOMPLETE` when a control of
    that severity is unproven (waived or not), a host was not scanned to the end, the run was interrupted, or there
    was no host at all: what was not looked at proves nothing.
    """
    grave = [result for result in report.results if result.severity.at_least(fail_on)]
    if any(result.outcome is Outcome.FAILED and result.waiver is None for result in grave):
        return GateExit.FINDINGS
    whole = bool(report.hosts) and all(host.status is Reach.COMPLETE for host in report.hosts)
    unproven = any(result.outcome is Outcome.UNPROVEN for result in grave)
    return GateExit.OPEN if whole and report.run.finished is not None and not unproven else GateExit.INCOMPLETE
