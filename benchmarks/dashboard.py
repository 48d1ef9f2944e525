"""The findings table over a hundred thousand findings: first paint, keystroke to repaint, paging, memory."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.events import Key
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from benchmarks.measure import own_peak, run
from benchmarks.report import Bar, table
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.tui.app import Dashboard
from secaudit.tui.findings.projection import Row
from secaudit.tui.findings.table import FindingsTable

FINDINGS = 100_000
HOSTS = 1_000
CUSTOMERS = 40
SIZES = ((80, 24), (120, 40), (200, 60))
TYPED = ("sev:high+ tcp/80", "host:web1 overdue", "openssl -waived", "zzzz", "customer:cust07 new")
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)

_KEYS = {" ": "space", ":": "colon", "+": "plus", "/": "slash", "-": "minus"}
_SUBJECTS = ("tcp/{}", "CVE-2026-{} openssl", "/srv/backup/set{}", "FORWARD rule {}", "md{}")
_CONTROLS = (
    ("web-open-ports", "network.open-ports", "network"),
    ("no-any-any", "firewall.any-any", "firewall"),
    ("patch-deadlines", "patch.pending", "patch"),
    ("backup-age", "backup.too-old", "backup"),
    ("raid-complete", "resilience.raid", "resilience"),
)


def results(rng: random.Random, customer: str, host: str) -> Iterator[Result]:
    """Findings of a host as scans bring them."""
    for number in range(FINDINGS // HOSTS):
        control, check, family = rng.choice(_CONTROLS)
        subject = rng.choice(_SUBJECTS).format(rng.randrange(1, 65536)) + f"/{number}"
        opened = NOW - timedelta(hours=rng.randrange(2000))
        yield Result(
            fingerprint=fingerprint(customer, host, control, subject),
            control=control,
            check=check,
            family=family,
            title="Only what the baseline names is there",
            customer=customer,
            site="vienna",
            host=host,
            subject=subject,
            outcome=rng.choice((Outcome.FAILED, Outcome.FAILED, Outcome.UNPROVEN)),
            severity=rng.choice(tuple(Severity)),
            reason=f"{subject} is there, the baseline allows 22, 80 and 443",
            first_seen=opened,
            due=opened + timedelta(hours=rng.choice((1500, 2100, 3000))),
        )


def fill(store: Store) -> None:
    """Store one run of every host."""
    rng = random.Random(7)
    begun = RunInfo("2026-11-24-040000-bench", NOW, NOW, "1")
    names = [(f"cust{number % CUSTOMERS:02}", f"{rng.choice(('web', 'db', 'fw'))}{number}") for number in range(HOSTS)]
    store.begin(begun, [Host(customer, "vienna", host, "192.0.2.1") for customer, host in names])
    for customer, host in names:
        record = HostRecord(customer, "vienna", host, "192.0.2.1", Reach.COMPLETE, customer_name=customer.title())
        transcript = HostTranscript(customer, "vienna", host, "192.0.2.1", NOW, NOW, Reach.COMPLETE, "", ())
        store.record(begun, record, list(results(rng, customer, host)), transcript)
    store.finish(begun)


class Watch:
    """Notices when an answer was drawn: looks on from outside, so that nothing is in the product for it."""

    def __init__(self, shown: FindingsTable) -> None:
        self._drawn = asyncio.Event()
        self._armed = False
        self._answered = False
        begin, render = shown.begin_answer, shown.render_lines

        def begin_answer(ids: array[int], rows: tuple[Row, ...], *, keep_cursor: bool) -> None:
            begin(ids, rows, keep_cursor=keep_cursor)
            self._answered = True

        def render_lines(crop: Region) -> list[Strip]:
            strips = render(crop)
            if self._armed and self._answered:
                self._drawn.set()
            return strips

        shown.begin_answer = begin_answer  # type: ignore[method-assign]  # see above
        shown.render_lines = render_lines  # type: ignore[method-assign]  # see above

    async def after(self, app: Dashboard, key: str, *, answer: bool) -> float:
        """Seconds from a key until the table was drawn anew (with an `answer`: with that of a new question)."""
        self._drawn.clear()
        self._armed, self._answered = True, not answer
        begun = time.perf_counter()
        app.post_message(Key(_KEYS.get(key, key), key if len(key) == 1 else None))
        await self._drawn.wait()
        self._armed = False
        return time.perf_counter() - begun


async def _until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - what is waited for must not know of it
        await asyncio.sleep(0.001)


async def session(path: Path, size: tuple[int, int]) -> list[float]:
    """First paint, whole list, keystroke, the exact list after the last one, and page down, all in milliseconds."""
    with open_store(str(path), read_only=True) as store:
        app = Dashboard(store, read_only=True, now=lambda: NOW)
        async with app.run_test(size=size) as pilot:
            await app.workers.wait_for_complete()
            begun = time.perf_counter()
            app.action_page("findings")
            await _until(lambda: app.screen.query(FindingsTable))
            shown = app.screen.query_one(FindingsTable)
            await _until(lambda: shown.current)
            first = time.perf_counter() - begun
            await _until(lambda: shown.count >= FINDINGS)
            whole = time.perf_counter() - begun
            watch, count = Watch(shown), app.screen.query_one("#count", Static)
            strokes, exact = [], []
            for text in TYPED:
                await pilot.press("slash")
                for letter in text:
                    strokes.append(await watch.after(app, letter, answer=True))
                    await asyncio.sleep(0.05)
                typed = time.perf_counter()
                await _until(lambda: "+" not in str(count.content))
                exact.append(strokes[-1] + 0.05 + time.perf_counter() - typed)
                await pilot.press("escape", "escape")
                await _until(lambda: shown.count >= FINDINGS)
            pages = [await watch.after(app, "pagedown", answer=False) for _ in range(40)]
    return [1000 * value for value in (first, whole, *_spread(strokes), max(exact), *_spread(pages))]


def _spread(values: list[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


def measure() -> tuple[str, list[Bar]]:
    """Each size in a process of its own, so that memory is that of one dashboard."""
    rows, bars = [], []
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.sqlite"
        with open_store(str(path)) as store:
            fill(store)
        for width, height in SIZES:
            out = Path(directory) / f"{width}"
            cost = run([sys.executable, "-m", "benchmarks.dashboard", str(path), str(width), str(height)], log=out)
            assert cost.exit == 0, out.read_text()
            first, whole, *spread, peak = (float(word) for word in out.read_text().split())
            name = f"{width}×{height}"
            rows.append([name, *(f"{value:.0f} ms" for value in (first, whole, *spread)), f"{peak:.0f} MiB"])
            bars.append(Bar(f"first paint at {name}", first, 300, "ms", at_least=False))
            if width <= 120:
                bars.append(Bar(f"keystroke to repaint at {name}, p95", spread[1], 50, "ms", at_least=False))
            bars.append(Bar(f"memory at {name}", peak, 250, "MiB", at_least=False))
    head = ["size", "first paint", "whole list", "keystroke", "p95", "exact list", "page down", "p95", "memory"]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return table(f"Dashboard, {FINDINGS:,} findings (load {load})", head, rows), bars


if __name__ == "__main__":
    measured = asyncio.run(session(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3]))))
    print(*measured, own_peak())
