"""Services that still run the code from before an update."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pydantic import Field

from secaudit.api import Expect, Facts, Severity, Verdict, check, failed, passed
from secaudit.model.safe_text import visible_line

from ..facts import OutdatedProcess, RunningCode
from ..references import PATCH_LEVEL


class CurrentCode(Expect):
    """Which services may run old code."""

    allow: frozenset[str] = Field(
        default=frozenset(), description="units that do not count, such as `dbus.service`; `user sessions` for those"
    )


@check(
    "patch.deleted-libraries",
    title="Services run the libraries that are installed",
    severity=Severity.MEDIUM,
    requires=[RunningCode],
    expect=CurrentCode,
    remediation="Restart the service, or reboot the host when it is one that everything builds on.",
    references=PATCH_LEVEL,
)
def deleted_libraries(facts: Facts, expect: CurrentCode) -> Iterator[Verdict]:
    """No process of the host maps a library that was replaced since the process began.

    An update takes effect when the programs that use it start anew. Containers are looked at from inside only.
    """
    running = facts[RunningCode]
    expected = "no process with a deleted library"
    by_unit: dict[str, list[OutdatedProcess]] = {}
    for process in running.outdated:
        if process.unit not in expect.allow:
            by_unit.setdefault(process.unit, []).append(process)
    for unit, processes in sorted(by_unit.items()):
        is_service = unit.endswith(".service")
        yield failed(
            unit,
            reason=f"{visible_line(unit)} runs code from before an update.",
            observed=visible_line(", ".join(dict.fromkeys(process.library for process in processes))),
            expected=expected,
            evidence=[process.evidence for process in processes],
            remediation=f"systemctl restart {shlex.quote(unit)}" if is_service else "Let the users log in again.",
        )
    if not by_unit:
        observed = f"{running.looked_at} processes, none with a deleted library"
        yield passed(observed=observed, expected=expected, evidence=[running.evidence])
