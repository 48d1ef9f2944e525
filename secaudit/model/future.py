"""Runs that are later than now: one of the clocks that made them and that are asked now is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from secaudit.model.run import RunInfo

TOLERANCE = timedelta(hours=1)
"""How far a stored run may be in the future: scanners that share a store need not agree to the second."""


def from_the_future(newest: RunInfo, now: datetime) -> bool:
    """Whether the newest run of a store was made by a clock that was ahead, or `now` is by one that is behind."""
    return newest.started > now + TOLERANCE


def of_the_future(run: RunInfo) -> str:
    """What to say of such a run, and what to do."""
    return (
        f"the newest run {run.id} is of {run.started:%Y-%m-%d %H:%M} UTC, which is in the future: set the clock of "
        f"this machine, or take the run back with `secaudit store withdraw {run.id} --reason TEXT`"
    )
