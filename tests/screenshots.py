"""Pictures of the report and the dashboard for README and docs: `python -m tests.screenshots docs/images`.

Made from the sample run that the report's tests use, so that they never go stale.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript
from secaudit.model.feed import FeedStamp
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome
from secaudit.model.request import Command
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from secaudit.transcript.codec import digest
from secaudit.tui.app import Dashboard
from secaudit.tui.services import FeedAge, Services
from tests.reports import sample

CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def fill(store: Store, report: RunReport, done: int | None = None) -> None:
    """Put a run into a store, with a transcript per host that holds what its evidence shows.

    With `done` only so many hosts, and the run goes on.
    """
    run = report.run
    hosts = {record.host: record for record in report.hosts[:done]}
    store.begin(run, [Host(record.customer, record.site, record.host, record.address) for record in report.hosts])
    for name, record in hosts.items():
        results = [result for result in report.results if result.host == name]
        texts = {evidence.source: evidence.excerpt for result in results for evidence in result.evidence}
        answers = tuple(
            Answer(Command(tuple(source.split()) or ("true",)), AnswerStatus.ENDED, run.started, stdout=text.encode())
            for source, text in texts.items()
        )
        transcript = HostTranscript(
            record.customer, record.site, name, record.address, run.started, run.started, record.status, "", answers
        )
        store.record(run, replace(record, transcript=digest(transcript)), results, transcript)
    if done is None:
        store.finish(run)


def others(report: RunReport) -> Iterator[RunReport]:
    """Runs of customers that exist nowhere: some hosts of the sample each, better and worse kept, over a year."""
    for number, name in enumerate(CUSTOMERS):
        chance = Random(number)
        customer = f"customer{number}"
        hosts = chance.sample(report.hosts, chance.randint(3, 8))
        kept = chance.choice((0.5, 0.8, 0.95))
        results = [
            _other(result, customer, chance, kept, report.run.started)
            for result in report.results
            if result.host in {record.host for record in hosts}
        ]
        records = [replace(record, customer=customer, customer_name=name) for record in hosts]
        started = report.run.started + timedelta(minutes=number)
        run = replace(report.run, id=f"{report.run.id}-{customer}", started=started, finished=None)
        yield RunReport(replace(run, finished=started + timedelta(minutes=4)), tuple(records), tuple(results))


def _other(result: Result, customer: str, chance: Random, kept: float, now: datetime) -> Result:
    mine = replace(
        result,
        customer=customer,
        fingerprint=fingerprint(customer, result.host, result.control, result.subject),
        first_seen=now - timedelta(days=chance.randint(0, 330)),
    )
    if result.outcome is Outcome.PASSED and chance.random() > kept:
        severity = chance.choice((Severity.LOW, Severity.MEDIUM, Severity.HIGH))
        return replace(
            mine, outcome=Outcome.FAILED, severity=severity, due=now + timedelta(hours=chance.randint(3, 900))
        )
    if result.outcome is Outcome.FAILED and chance.random() < kept:
        return replace(mine, outcome=Outcome.PASSED, due=None, waiver=None)
    return mine


def own_fonts(svg: str) -> str:
    """The picture without the fonts that it would fetch from elsewhere; the reader's own take their place."""
    return re.sub(r"@font-face\s*{[^}]*}", "", svg)


CUSTOMERS = (
    "Bergmann Optik", "Stadtwerke Linden", "Kanzlei Thaler", "Hofer Logistik", "Alpenhof Hotels", "Druckhaus Sommer",
    "Praxis Dr. Lang", "Weber Maschinen", "Reederei Voss", "Gärtnerei Blum", "Holzbau Egger", "Feinkost Marini",
)  # fmt: skip

SCREENS = (
    ("overview", (), (120, 40)),
    ("findings", ("2",), (120, 40)),
    ("findings-narrow", ("2",), (80, 24)),
    ("finding", ("2", "enter"), (120, 40)),
    ("hosts", ("3",), (120, 40)),
)
"""Name of the picture, the keys that lead there, and the size of the terminal."""


async def dashboard(store: Store, out: Path, at: datetime) -> None:
    """The main screens, an hour after the run."""
    feeds = (
        FeedAge(FeedStamp("advisories of Debian", at - timedelta(hours=3), ""), timedelta(days=3)),
        FeedAge(FeedStamp("known exploited vulnerabilities", at - timedelta(hours=9), ""), timedelta(days=7)),
        FeedAge(FeedStamp("EPSS scores", at - timedelta(days=6), ""), timedelta(days=3)),
    )
    for name, keys, size in SCREENS:
        services = Services(feeds=lambda: feeds)
        app = Dashboard(store, services, read_only=True, now=lambda: at + timedelta(hours=1))
        async with app.run_test(size=size) as pilot:
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.5)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause(0.5)
            (out / f"dashboard-{name}.svg").write_text(own_fonts(pilot.app.export_screenshot()), encoding="utf-8")


def page(html: Path, out: Path, scratch: Path) -> None:
    """The first screen of the report as PNG."""
    argv = [*CHROMIUM, f"--user-data-dir={scratch}/profile", "--window-size=1280,1500"]
    subprocess.run(
        [*argv, f"--screenshot={out / 'report.png'}", html.as_uri()], check=True, capture_output=True, timeout=120
    )


def main(out: Path) -> None:
    """Write all pictures to `out`."""
    from secaudit.reports.technical import FORMAT

    report = sample.report()
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory:
        scratch = Path(directory)
        html = scratch / FORMAT.filename
        html.write_bytes(FORMAT.render(report))
        page(html, out, scratch)
        with closing(open_store(f"sqlite:///{scratch}/store.db")) as store:
            fill(store, report)
            for other in others(report):
                fill(store, other)
            again = max(others(report), key=lambda other: len(other.hosts))
            now = report.run.started + timedelta(minutes=40)
            fill(store, replace(again, run=replace(again.run, id="running", started=now, finished=None)), done=5)
            asyncio.run(dashboard(store, out, report.run.started))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
