"""Watching a scan: a live display on a terminal, plain lines everywhere else. Everything goes to stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from secaudit.api import show_duration
from secaudit.engine.events import Event, HostDone, HostStep, RunDone, RunStarted
from secaudit.model.answer import Reach
from secaudit.model.counted import counted
from secaudit.model.run import Summary
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_HOSTS = 8
"""How many active hosts the live display lists."""


class Watcher(AbstractContextManager["Watcher"], Protocol):
    """Something that can be told events from many threads."""

    def __call__(self, event: Event) -> None:
        """Take notice of `event`."""
        ...


def watcher(quiet: bool) -> Watcher:
    """The display that fits stderr: live on a terminal, lines otherwise, nothing when quiet."""
    if quiet:
        return Silence()
    return LiveDisplay() if sys.stderr.isatty() else PlainLines()


def describe(summary: Summary) -> str:
    """Counts for people: `2 critical, 1 high, 3 unproven, 40 passed`."""
    parts = [f"{count} {severity.value}" for severity, count in summary.failed.items() if count]
    parts += [f"{summary.unproven} unproven"] if summary.unproven else []
    return ", ".join([*parts, f"{summary.passed} passed"])


class Silence:
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        del event


class PlainLines(Silence):
    """A line per finished host, for logs and CI."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RunStarted):
                self._total = len(event.hosts)
                self._say(f"run {event.run}: {counted(self._total, 'host')}")
            elif isinstance(event, HostDone):
                self._done += 1
                detail = f" ({event.detail})" if event.detail else ""
                counts = describe(event.summary)
                self._say(f"[{self._done}/{self._total}] {event.host} {event.reach.value}{detail}: {counts}")
            elif isinstance(event, RunDone) and event.unfinished:
                self._say(f"interrupted; not scanned: {', '.join(event.unfinished)}")

    def _say(self, line: str) -> None:
        print(visible_line(line), file=sys.stderr, flush=True)  # noqa: T201 - progress is what this class prints


class LiveDisplay(Silence):
    """Hosts done of total, time left, findings so far, and what the active hosts are doing."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._total = 0
        self._reached: Counter[Reach] = Counter()
        self._failed: Counter[Severity] = Counter()
        self._unproven = 0
        self._steps: dict[str, str] = {}
        self._live = Live(
            console=Console(stderr=True), get_renderable=self._render, refresh_per_second=6, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RunStarted):
                self._total = len(event.hosts)
            elif isinstance(event, HostStep):
                self._steps[event.host] = event.step
            elif isinstance(event, HostDone):
                self._steps.pop(event.host, None)
                self._reached[event.reach] += 1
                self._failed.update(event.summary.failed)
                self._unproven += event.summary.unproven

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            done = self._reached.total()
            head = Table.grid(padding=(0, 2))
            head.add_row(
                ProgressBar(total=max(self._total, 1), completed=done, width=30),
                Text(f"{done}/{self._total} hosts"),
                Text(self._time_left(done)),
                Text(self._found()),
            )
            steps = Table.grid(padding=(0, 2))
            for host, step in list(self._steps.items())[:SHOWN_HOSTS]:
                what = Text(visible_line(step), overflow="ellipsis", no_wrap=True)
                steps.add_row(Text(visible_line(host), style="bold"), what)
            hidden = len(self._steps) - SHOWN_HOSTS
            if hidden > 0:
                steps.add_row(Text(f"and {hidden} more", style="dim"), Text(""))
        return Group(head, steps)

    def _found(self) -> str:
        parts = [
            f"{self._failed[severity]} {severity.value}" for severity in reversed(Severity) if self._failed[severity]
        ]
        parts += [f"{self._unproven} unproven"] if self._unproven else []
        gone = self._reached[Reach.UNREACHABLE]
        parts += [f"{gone} unreachable"] if gone else []
        return ", ".join(parts) or "no findings so far"

    def _time_left(self, done: int) -> str:
        passed = time.monotonic() - self._started
        if not done:
            return f"{show_duration(timedelta(seconds=passed))} so far"
        left = passed / done * (self._total - done)
        return f"{show_duration(timedelta(seconds=left))} left"
