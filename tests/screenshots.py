"""Pictures of the report and the dashboard for README and docs: `python -m tests.screenshots docs/images`.

Made from the sample run that the report's tests use, so that they never go stale.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.request import Command
from secaudit.model.run import RunReport
from secaudit.store import Store, open_store
from secaudit.transcript.codec import digest
from secaudit.tui.app import Dashboard
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


def fill(store: Store, report: RunReport) -> None:
    """Put a run into a store, with a transcript per host that holds what its evidence shows."""
    run = report.run
    hosts = {record.host: record for record in report.hosts}
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
    store.finish(run)


def own_fonts(svg: str) -> str:
    """The picture without the fonts that it would fetch from elsewhere; the reader's own take their place."""
    return re.sub(r"@font-face\s*{[^}]*}", "", svg)


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
    for name, keys, size in SCREENS:
        app = Dashboard(store, read_only=True, now=lambda: at + timedelta(hours=1))
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
            asyncio.run(dashboard(store, out, report.run.started))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
