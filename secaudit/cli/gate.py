"""`secaudit gate`: judge a run for CI."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import severity_choice, store_option
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from secaudit.model.gate import Blockers
    from secaudit.model.run import RunReport

SHOWN = 20
"""How many blockers of each sort are listed."""


@click.command()
@click.argument("results", required=False, type=click.Path(path_type=Path), metavar="[RESULTS.JSON]")
@click.option("--run", "run_id", metavar="RUN", help="A run of the store, alone [default: the newest whole scan].")
@click.option("--customer", help="The newest whole scan of this customer.")
@click.option(
    "--fail-on",
    type=severity_choice(),
    default="critical",
    show_default=True,
    help="The least severity that blocks.",
)
@click.option("--new-only", is_flag=True, help="Let findings pass that were seen before the judged run.")
@click.option("--allow-unproven", is_flag=True, help="Let unproven controls and incomplete hosts pass.")
@store_option
def command(
    results: Path | None,
    run_id: str | None,
    customer: str | None,
    fail_on: str,
    new_only: bool,
    allow_unproven: bool,
    store_url: str | None,
) -> int:
    """Judge the newest whole scan in the store, the run RUN, or a results.json.

    Re-checks and scans for some controls (--only) that came after the whole scan count: they replace what it said of
    the controls that they judged.

    Exit code 1 when a finding blocks; else 3 when something that matters could not be proven; else 0.
    """
    from secaudit.model.gate import Blockers, judge

    if results is not None and (run_id or customer):
        raise CommandError("judge a results.json or a run of the store, not both")
    later: tuple[RunReport, ...] = ()
    if results is not None:
        report = _from_file(results)
    else:
        report, later = _from_store(store_url, run_id, customer)
    known = _seen_before(report) if new_only else frozenset()
    severity = Severity(fail_on)
    code = Exit(judge(report, severity, allow_unproven=allow_unproven, known=known))
    _explain(report, Blockers.of(report, severity, known), code, fail_on, len(later))
    return code


def _from_file(path: Path) -> RunReport:
    from secaudit.export.results import load

    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    return load(data, str(path))


def _from_store(url: str | None, run_id: str | None, customer: str | None) -> tuple[RunReport, tuple[RunReport, ...]]:
    """What is to be judged, and the runs that came after the whole scan and are part of it."""
    from secaudit.cli.stored import read_store, stored_report, whole_run
    from secaudit.model.rechecked import rechecked

    with ExitStack() as stack:
        if run_id is not None:
            return stored_report(url, run_id, customer, stack), ()
        store = read_store(url, stack)
        whole = whole_run(store, customer)
        later = store.checked_since(whole, customer)
        return rechecked(stored_report(url, whole.id, customer, stack), later), later


def _seen_before(report: RunReport) -> frozenset[str]:
    """Fingerprints of what was there before this run: they did not come with the change that is being gated."""
    started = report.run.started
    return frozenset(
        result.fingerprint for result in report.results if result.first_seen is not None and result.first_seen < started
    )


def _explain(report: RunReport, blockers: Blockers, code: Exit, fail_on: str, later: int) -> None:
    words = {
        Exit.FINE: "open",
        Exit.FINDINGS: "closed: findings",
        Exit.INCOMPLETE: "closed: not everything could be proven",
    }
    since = f" and {counted(later, 'partial run')} since" if later else ""
    click.echo(f"Gate at {fail_on} for run {visible_line(report.run.id)}{since}: {words[code]} (exit {int(code)})")
    for result in blockers.failed[:SHOWN]:
        subject = f" {result.subject}" if result.subject else ""
        click.echo(visible_line(f"  failed    {result.host} {result.control}{subject}: {result.reason}"))
    for result in blockers.unproven[:SHOWN]:
        click.echo(visible_line(f"  unproven  {result.host} {result.control}: {result.reason}"))
    for host in blockers.incomplete[:SHOWN]:
        click.echo(visible_line(f"  {host.status.value:<9} {host.host}: {host.detail}"))
    hidden = sum(max(0, len(found) - SHOWN) for found in (blockers.failed, blockers.unproven, blockers.incomplete))
    if hidden:
        click.echo(f"  … and {hidden} more")
    if report.run.finished is None:
        click.echo("  the run was interrupted")
