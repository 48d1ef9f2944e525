"""Reading a run back from the store for the commands that judge or report it."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.model.future import from_the_future, of_the_future
from secaudit.model.run import RunInfo, RunReport
from secaudit.model.safe_text import visible_line
from secaudit.model.section import HostSection
from secaudit.store import Store, default_url, open_store


def read_store(url: str | None, stack: ExitStack) -> Store:
    """The store opened for reading, closed with `stack`. Raises StoreError."""
    return stack.enter_context(closing(open_store(url or default_url(), read_only=True)))


def written_store(url: str | None, stack: ExitStack) -> Store:
    """The store opened for writing, closed with `stack`; only a scan begins one. Raises StoreError."""
    return stack.enter_context(closing(open_store(url or default_url(), create=False)))


def whole_run(store: Store, customer: str | None) -> RunInfo:
    """The newest whole scan (of a customer), with a warning when it is later than now.

    Raises CommandError when there is none, and says what there is.
    """
    latest = store.latest_run(customer)
    if latest is not None:
        if from_the_future(latest, datetime.now(UTC)):
            click.echo(visible_line(f"Warning: {of_the_future(latest)}"), err=True)
        return latest
    of_whom = f" of customer {customer!r}" if customer else ""
    partial = store.runs(customer, 1)
    if not partial:
        raise CommandError(f"the store holds no run{of_whom} yet; start one with `secaudit scan`")
    raise CommandError(
        f"the store holds only re-checks and scans for some controls{of_whom}, which say nothing of the others; "
        f"start a whole scan, or name one of them: --run {partial[0].run.id}",
        Exit.INCOMPLETE,
    )


def stored_report(
    url: str | None, run_id: str | None, customer: str | None, stack: ExitStack, *, sections: bool = False
) -> RunReport:
    """The report of a run, or of the newest whole scan, as a customer may see it where one is named.

    `sections` asks for what families add to it.

    Raises CommandError or StoreError when there is none.
    """
    store = read_store(url, stack)
    seen = store if customer is None else store.of(customer)
    report = seen.report(run_id or whole_run(store, customer).id)
    return replace(report, sections=_sections(store, report)) if sections else report


def _sections(store: Store, report: RunReport) -> tuple[HostSection, ...]:
    from secaudit.engine.sections import host_sections
    from secaudit.plugins import discover

    registry = discover()
    recorded = [host for host in report.hosts if host.transcript]
    transcripts = (store.transcript(report.run.id, host.customer, host.host) for host in recorded)
    return tuple(part for transcript in transcripts for part in host_sections(transcript, registry))
