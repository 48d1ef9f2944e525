"""The reports: CPU and memory of the technical one at two sizes, its page in Chromium, and a month on paper."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from secaudit.reports.monthly import render as render_month
from secaudit.reports.technical import render

from benchmarks.measure import own_peak, run
from benchmarks.report import Bar, table
from secaudit.cli.paper import browser, print_pdf
from secaudit.model.answer import Reach
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity
from tests.reports import monthly_sample

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
SIZES = {"50 hosts, 500 findings": (50, 500), "1,000 hosts, 50,000 findings": (1_000, 50_000)}
CPU = {"50 hosts, 500 findings": 0.5, "1,000 hosts, 50,000 findings": 15.0}
_FAMILIES = ("backup", "firewall", "network", "patch", "resilience")


def fleet_run(hosts: int, findings: int) -> RunReport:
    """A run in which every host has the same number of findings, each with its evidence, and as many passed results."""
    records = tuple(
        HostRecord("muster", f"site{at % 9}", f"host{at:04}", "192.0.2.1", Reach.COMPLETE, "", "debian", "12", "0" * 64)
        for at in range(hosts)
    )
    results = tuple(
        _result(record.host, number, outcome)
        for record in records
        for number in range(findings // hosts)
        for outcome in (Outcome.FAILED, Outcome.PASSED)
    )
    return RunReport(RunInfo("2026-11-24-0800", NOW, NOW + timedelta(minutes=10), "1"), records, results)


def _result(host: str, number: int, outcome: Outcome) -> Result:
    family = _FAMILIES[number % len(_FAMILIES)]
    control, subject = f"{family}-{number % 17}-{outcome.value}", f"tcp/{number * 7 + len(host)}"
    excerpt = f"LISTEN 0 128 0.0.0.0:{number} 0.0.0.0:*\nLISTEN 0 128 [::]:{number} [::]:*"
    return Result(
        fingerprint=fingerprint("muster", host, control, subject),
        control=control,
        check=f"{family}.bench",
        family=family,
        title="Only what the baseline names is there",
        customer="muster",
        site="vienna",
        host=host,
        subject=subject,
        outcome=outcome,
        severity=tuple(Severity)[number % 5],
        reason=f"{subject} is there on {host}, the baseline allows 22, 80 and 443",
        evidence=(Evidence("ss -H -tulpn", 0, (number + 1, number + 2), excerpt),),
        remediation="Close the port, or name it in the baseline.",
        first_seen=NOW,
        due=NOW + timedelta(days=5),
    )


def measure() -> tuple[str, list[Bar]]:
    """Render both sizes in processes of their own, open the pages, and print a month."""
    rows: list[list[str]] = []
    bars: list[Bar] = []
    with TemporaryDirectory(prefix="secaudit-bench-") as folder:
        for name, size in SIZES.items():
            page, log = Path(folder, "page.html"), Path(folder, f"{size[0]}.log")
            cost = run([sys.executable, "-m", "benchmarks.reports", *map(str, size), str(page)], log=log)
            if cost.exit:
                raise RuntimeError(log.read_text())
            cpu, peak = (float(word) for word in log.read_text().split())
            opened = _open(page, Path(folder))
            rows.append(
                [name, f"{cpu:.2f} s", f"{peak:.0f} MiB", f"{page.stat().st_size / 2**20:.1f} MiB", f"{opened:.1f} s"]
            )
            bars.append(Bar(f"{name}: CPU", cpu, CPU[name], "s", at_least=False))
            bars.append(Bar(f"{name}: memory", peak, 600, "MiB", at_least=False))
            bars.append(Bar(f"{name}: to open", opened, 2, "s", at_least=False))
    printed = _print()
    rows.append(["a month on paper", "", "", "", f"{printed:.1f} s"])
    bars.append(Bar("a month on paper", printed, 15, "s", at_least=False))
    return table("Reports", ["report", "CPU", "memory", "page", "in Chromium"], rows), bars


def _open(page: Path, folder: Path) -> float:
    """Seconds until Chromium has loaded and laid out the page, without those that an empty page takes."""
    empty = folder / "empty.html"
    empty.write_text("<!doctype html><title>nothing</title>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    shot = f"--screenshot={folder / 'page.png'}"
    run([browser(), *flags, shot, empty.as_uri()])
    bare, full = (run([browser(), *flags, shot, one.as_uri()]).wall for one in (empty, page))
    return max(full - bare, 0.0)


def _print() -> float:
    page = render_month(monthly_sample.record(), "de")
    begun = time.perf_counter()
    print_pdf(page)
    return time.perf_counter() - begun


def _render(hosts: int, findings: int, page: Path) -> None:
    report = fleet_run(hosts, findings)
    begun = time.process_time()
    written = render(report)
    spent = time.process_time() - begun
    page.write_bytes(written)
    print(spent, own_peak())


if __name__ == "__main__":
    _render(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
