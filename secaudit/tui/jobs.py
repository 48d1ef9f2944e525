"""What is started from the dashboard and takes its time: it runs in threads, and tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.text import Text

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui.dialogs import Choose, Confirm
from secaudit.tui.exporting import Picked, report_of
from secaudit.tui.services import Recheck, Target
from secaudit.tui.themes import Look

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

MOST_ANNOUNCED = 5
"""Re-checks that are described before they are started; of the others the number is told."""


class JobState(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Job:
    """Something that was started here; lives as long as the dashboard."""

    title: str
    started: datetime
    state: JobState = JobState.RUNNING
    line: str = ""


class Jobs:
    """Starts them and remembers them."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self.started: list[Job] = []

    @property
    def running(self) -> list[Job]:
        """Those that have not ended."""
        return [job for job in self.started if job.state is JobState.RUNNING]

    @contextmanager
    def job(self, title: str) -> Iterator[Job]:
        """A job that ends with the block, well or with a UserError, which is raised on."""
        job = Job(title, self._dashboard.now())
        self.started.append(job)
        try:
            yield job
        except UserError as error:
            job.state, job.line = JobState.FAILED, str(error)
            raise
        if job.state is JobState.RUNNING:
            job.state = JobState.DONE

    def recheck(self, targets: Sequence[Target]) -> None:
        """Say what would run, and check again when that is confirmed, one after the other."""
        dashboard, service = self._dashboard, self._dashboard.services.recheck
        if service is None or dashboard.read_only:
            dashboard.tell(
                "read-only: nothing is started" if dashboard.read_only else dashboard.services.why("recheck")
            )
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._in_thread("recheck", lambda: self._check(service, targets))

        def ask() -> None:
            plans = [service.announce(target) for target in targets[:MOST_ANNOUNCED]]
            more = [f"and {len(targets) - MOST_ANNOUNCED} more"] if len(targets) > MOST_ANNOUNCED else []
            what = str(targets[0]) if len(targets) == 1 else f"{len(targets)} times"
            question = Confirm(f"Re-check {visible_line(what)}?", visible("\n\n".join([*plans, *more])))
            dashboard.call_from_thread(dashboard.push_screen, question, answered)

        self._in_thread("announce", ask)

    def _check(self, service: Recheck, targets: Sequence[Target]) -> None:
        dashboard = self._dashboard
        for target in targets:
            dashboard.call_from_thread(dashboard.tell, f"re-checking {target}; & shows how far it is")
            try:
                with self.job(str(target)) as job:
                    self._progress(job, "")
                    checked = service.run(target, lambda line, job=job: self._progress(job, line))  # type: ignore[misc]  # bound per job
                    job.line = f"run {checked.run}"
                    if checked.trouble:
                        job.state, job.line = JobState.FAILED, f"{checked.trouble}; run {checked.run}"
            except UserError as error:
                dashboard.call_from_thread(dashboard.complain, error)
                dashboard.call_from_thread(dashboard.paint_frame)
                continue
            told = (
                f"{target} was not checked to the end: {checked.trouble}" if checked.trouble else f"re-checked {target}"
            )
            dashboard.call_from_thread(dashboard.tell, told)
            dashboard.call_from_thread(dashboard.store_changed)

    def _progress(self, job: Job, line: str) -> None:
        job.line = line
        self._dashboard.call_from_thread(self._dashboard.paint_frame)

    def open_report(self) -> None:
        """Write and open the HTML report of the newest whole scan of the scope."""
        dashboard, service = self._dashboard, self._dashboard.services.open_report
        if service is None:
            dashboard.explain("open_report")
            return

        def write() -> None:
            customer = dashboard.scope.customer
            run = dashboard.source.latest_run(customer)
            if run is None:
                dashboard.call_from_thread(dashboard.tell, "there is no whole scan to report on yet")
                return
            with self.job(f"report of {run.id}") as job:
                job.line = str(service(run.id, customer))
            dashboard.call_from_thread(dashboard.tell, f"report: {job.line}")

        self._in_thread("report", write)

    def export(self, picked: Sequence[Picked]) -> None:
        """Ask for a format and write these findings."""
        dashboard, service = self._dashboard, self._dashboard.services.export
        if service is None:
            dashboard.explain("export")
            return
        options = [(name, name) for name in dashboard.services.formats]
        many = "1 finding" if len(picked) == 1 else f"{len(picked):,} findings"

        def write(name: str) -> None:
            with self.job(f"export of {many}") as job:
                job.line = str(service(report_of(dashboard.source, picked), name))
            dashboard.call_from_thread(dashboard.tell, f"written: {job.line}")

        def chosen(name: str | None) -> None:
            if name:
                self._in_thread("export", lambda: write(name))

        dashboard.push_screen(Choose(f"Export {many} as", options), chosen)

    def _in_thread(self, group: str, work: Callable[[], None]) -> None:
        """Do it, and show what goes wrong instead of ending the program."""

        def guarded() -> None:
            try:
                work()
            except UserError as error:
                self._dashboard.call_from_thread(self._dashboard.complain, error)

        self._dashboard.run_worker(guarded, thread=True, group=group)


def describe(jobs: Sequence[Job], look: Look) -> Text:
    """The newest first."""
    text = Text("Jobs of this session\n\n", look.strong)
    for job in reversed(jobs):
        style = {JobState.RUNNING: look.accent, JobState.DONE: look.good, JobState.FAILED: look.critical}[job.state]
        text.append(f"{job.started:%H:%M:%S}  ", look.dim).append(f"{job.state.value:<8}", style)
        text.append(f"{visible_line(job.title)}  ").append(f"{visible_line(job.line)}\n", look.dim)
    if not jobs:
        text.append("Nothing was started yet; r on a finding checks its control again.\n", look.dim)
    return text
