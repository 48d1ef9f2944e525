"""What was started from the dashboard and how far it got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rich.text import Text

from secaudit.model.safe_text import visible_line
from secaudit.tui.themes import Look


class JobState(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Job:
    """A re-check that was started here; lives as long as the dashboard."""

    title: str
    started: datetime
    state: JobState = JobState.RUNNING
    line: str = ""


def describe(jobs: list[Job], look: Look) -> Text:
    """The newest first."""
    text = Text("Jobs of this session\n\n", look.strong)
    for job in reversed(jobs):
        style = {JobState.RUNNING: look.accent, JobState.DONE: look.good, JobState.FAILED: look.critical}[job.state]
        text.append(f"{job.started:%H:%M:%S}  ", look.dim).append(f"{job.state.value:<8}", style)
        text.append(f"{visible_line(job.title)}  ").append(f"{visible_line(job.line)}\n", look.dim)
    if not jobs:
        text.append("Nothing was started yet; r on a finding checks its control again.\n", look.dim)
    return text
