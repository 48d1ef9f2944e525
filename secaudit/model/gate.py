"""The gate: whether a run may let a deployment through. One rule for commands, exports and reports."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunReport
from secaudit.model.severity import Severity


class GateExit(IntEnum):
    """What the gate says, as the exit code of the command that asks it."""

    OPEN = 0
    FINDINGS = 1
    INCOMPLETE = 3


@dataclass(frozen=True, slots=True)
class Blockers:
    """What stands in the way at a severity: unwaived failures, unproven controls, hosts not scanned to the end."""

    failed: tuple[Result, ...]
    unproven: tuple[Result, ...]
    incomplete: tuple[HostRecord, ...]

    @classmethod
    def of(cls, report: RunReport, fail_on: Severity, known: AbstractSet[str] = frozenset()) -> Blockers:
        """Find what blocks; failures whose fingerprint is in `known` do not."""
        grave = [result for result in report.results if result.severity.at_least(fail_on)]
        return cls(
            failed=tuple(
                result
                for result in grave
                if result.outcome is Outcome.FAILED and result.waiver is None and result.fingerprint not in known
            ),
            unproven=tuple(result for result in grave if result.outcome is Outcome.UNPROVEN),
            incomplete=tuple(host for host in report.hosts if host.status is not Reach.COMPLETE),
        )


def judge(
    report: RunReport,
    fail_on: Severity = Severity.CRITICAL,
    *,
    allow_unproven: bool = False,
    known: AbstractSet[str] = frozenset(),
) -> GateExit:
    """Hold a run against the severity that blocks.

    An unwaived failure of `fail_on` or above gives `FINDINGS`, unless its fingerprint is in `known`. Otherwise the run
    is `INCOMPLETE` when a control of that severity is unproven (waived or not), a host was not scanned to the end or
    the run was interrupted; `allow_unproven` lets these through. A run that looked at nothing is never let through.
    """
    blockers = Blockers.of(report, fail_on, known)
    if blockers.failed:
        return GateExit.FINDINGS
    if not any(result.outcome in (Outcome.PASSED, Outcome.FAILED) for result in report.results):
        return GateExit.INCOMPLETE
    open_ends = bool(blockers.unproven or blockers.incomplete or report.run.finished is None)
    return GateExit.INCOMPLETE if open_ends and not allow_unproven else GateExit.OPEN


def completeness(report: RunReport) -> GateExit:
    """The exit of a scan that asks for no gate: open when every host was scanned to the end, whatever was found."""
    whole = report.run.finished is not None and all(host.status is Reach.COMPLETE for host in report.hosts)
    return GateExit.OPEN if whole and report.hosts else GateExit.INCOMPLETE
