"""`secaudit findings`: what the store knows about each finding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.finding_work import ack, clock_lines, note, pause, resume, withdraw
from secaudit.cli.options import severity_choice, store_option
from secaudit.cli.service_files import contracts_option
from secaudit.model.outcome import Outcome
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from secaudit.model.result import Result
    from secaudit.store import Store
    from secaudit.store.lifecycle import Finding
    from secaudit.store.records import Occurrence


@click.group()
def command() -> None:
    """List and show what the store knows."""


@command.command("list")
@click.option("--customer", help="Only this customer.")
@click.option("--host", help="Only this host.")
@click.option("--family", help="Only this family.")
@click.option("--cve", "advisory", metavar="ID", help="Only what is about this CVE or advisory: CVE-2026-1000, RHSA-…")
@click.option("--severity", type=severity_choice(), help="This severity or worse.")
@click.option(
    "--state",
    type=click.Choice(["open", "resolved", "all"]),
    default="open",
    show_default=True,
    help="Open ones, those proven gone, or both.",
)
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@store_option
def list_(
    customer: str | None,
    host: str | None,
    family: str | None,
    advisory: str | None,
    severity: str | None,
    state: str,
    limit: int,
    as_json: bool,
    store_url: str | None,
) -> int:
    """List findings, the worst first."""
    from secaudit.cli.stored import read_store
    from secaudit.store.records import FindingFilter, FindingState

    if advisory is not None and not advisory.strip():
        raise CommandError("--cve: name a CVE or an advisory, such as CVE-2026-1000 or RHSA-2026:0811")
    wanted = FindingFilter(
        customer=customer,
        host=host,
        family=family,
        advisory=(advisory or "").strip(),
        minimum=Severity(severity) if severity else None,
        state=FindingState(state),
    )
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        found = store.findings(wanted, limit)
        total = store.count(wanted)
        if not total:
            _refuse_unknown(store, customer, host)
    if as_json:
        click.echo(json.dumps([_plain(finding) for finding in found], indent=2))
        return Exit.FINE
    for finding in found:
        subject = f" {finding.subject}" if finding.subject else ""
        line = (
            f"{finding.fingerprint}  {finding.severity.value:<8} {finding.outcome.value:<8} "
            f"{finding.customer}/{finding.host}  {finding.control}{subject}: "
            f"{'(waived) ' if _is_waived(finding) else ''}{finding.reason}"
        )
        click.echo(visible_line(line))
    if total > len(found):
        click.echo(f"{len(found)} of {total}; more with --limit", err=True)
    elif not total:
        click.echo("No finding is like that.", err=True)
    return Exit.FINE


def _refuse_unknown(store: Store, customer: str | None, host: str | None) -> None:
    """A name that the store does not know is not the same as one without findings."""
    known = store.hosts()
    customers = sorted({one.record.customer for one in known})
    if customer is not None and customer not in customers:
        raise CommandError(f"the store knows no customer {customer!r}; it knows: {', '.join(customers) or 'none'}")
    hosts = {one.record.host for one in known if customer in (None, one.record.customer)}
    if host is not None and host not in hosts:
        raise CommandError(f"the store knows no host {host!r}{f' of {customer}' if customer else ''}")


for added in (ack, pause, resume, note, withdraw):
    command.add_command(added)


@command.command()
@click.argument("fingerprint")
@contracts_option
@store_option
def show(fingerprint: str, contracts: Path | None, store_url: str | None) -> int:
    """Show one finding with what is known about it. Its clocks need a contract at hand."""
    from secaudit.cli.stored import read_store

    with ExitStack() as stack:
        store = read_store(store_url, stack)
        finding = store.finding(fingerprint)
        history = store.history(fingerprint, 10)
        events = store.events(fingerprint)
        result = _newest_result(store, finding, history) if finding is not None else None
    if finding is None:
        raise CommandError(f"the store knows no finding {fingerprint!r}; see `secaudit findings list`")
    state = f"resolved {finding.resolved:%Y-%m-%d %H:%M} UTC" if finding.resolved else "open"
    lines = {
        "finding": finding.fingerprint,
        "host": f"{finding.customer}/{finding.host} (site {finding.site})",
        "control": f"{finding.control} (check {finding.check})",
        "subject": finding.subject or "the host as a whole",
        "state": f"{state}, latest outcome {finding.outcome.value}, severity {finding.severity.value}"
        + (", waived" if _is_waived(finding) else ""),
        "reason": finding.reason,
        **({"advisories": ", ".join(finding.advisories)} if finding.advisories else {}),
        "first seen": f"{finding.first_seen:%Y-%m-%d %H:%M} UTC",
        "last seen": f"{finding.last_seen:%Y-%m-%d %H:%M} UTC in run {finding.last_run}",
    }
    for label, text in lines.items():
        click.echo(f"{label:<12} {visible(text)}")
    for line in clock_lines(finding, events, contracts):
        click.echo(line)
    if result is not None:
        _show_result(result)
    for occurrence in history:
        click.echo(_line(occurrence))
    return Exit.FINE


@command.command()
@click.argument("fingerprint")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many runs at most.")
@store_option
def history(fingerprint: str, limit: int, store_url: str | None) -> int:
    """Show what each run said about one finding, the newest first."""
    from secaudit.cli.stored import read_store

    with ExitStack() as stack:
        occurrences = read_store(store_url, stack).history(fingerprint, limit)
    if not occurrences:
        raise CommandError(f"the store knows no result {fingerprint!r}; see `secaudit findings list`")
    for occurrence in occurrences:
        click.echo(_line(occurrence))
    return Exit.FINE


def _newest_result(store: Store, finding: Finding, history: Sequence[Occurrence]) -> Result | None:
    """What the newest run that speaks of a finding said, in full."""
    run = history[0].run if history else finding.last_run
    results = store.host_results(finding.customer, finding.host, run)
    return next((one for one in results if one.fingerprint == finding.fingerprint), None)


def _show_result(result: Result) -> None:
    """What was expected and seen, where that stands, and what to do: on other lines than the first, below it."""
    for label, text in (("expected", result.expected), ("observed", result.observed)):
        _show_part(label, text)
    for one in result.evidence:
        where = f", line {one.lines[0]}-{one.lines[1]}" if one.lines else ""
        ended = f"(exit {one.exit}{where})" if one.exit is not None else where.removeprefix(", ")
        _show_part("evidence", f"{one.source} {ended}".rstrip() + (f"\n{one.excerpt}" if one.excerpt else ""))
    _show_part("to settle" if result.outcome is Outcome.UNPROVEN else "remedy", result.remediation)
    _show_part("hint", f"`secaudit checks show {result.check}` explains the check; {result.baseline} requires it")


def _show_part(label: str, text: str) -> None:
    first, *more = visible(text.rstrip("\n")).split("\n") if text else [""]
    if first or more:
        click.echo("\n".join([f"{label:<12} {first}", *(f"{'':<12} {line}" for line in more)]))


def _is_waived(finding: Finding) -> bool:
    """Whether it is open and somebody accepts it for a while; that changes neither its outcome nor its place."""
    return finding.waived and finding.resolved is None


def _line(occurrence: Occurrence) -> str:
    when = f"{occurrence.at:%Y-%m-%d %H:%M}"
    return visible_line(f"{when}  {occurrence.outcome.value:<14} {occurrence.reason}  (run {occurrence.run})")


def _plain(finding: Finding) -> dict[str, object]:
    from secaudit.export.results import show_time

    return {
        "fingerprint": finding.fingerprint,
        "customer": finding.customer,
        "site": finding.site,
        "host": finding.host,
        "control": finding.control,
        "check": finding.check,
        "subject": finding.subject,
        "severity": finding.severity.value,
        "outcome": finding.outcome.value,
        "reason": finding.reason,
        "first_seen": show_time(finding.first_seen),
        "last_seen": show_time(finding.last_seen),
        "resolved": show_time(finding.resolved),
        "due": show_time(finding.due),
        "waived": finding.waived,
        "advisories": list(finding.advisories),
    }
