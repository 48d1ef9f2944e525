"""`secaudit tracker`: keep the issues of a tracker in step with findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.service_files import HERE, read_trackers, trackers_option
from secaudit.model.safe_text import visible_line
from secaudit.model.tracker import ActionKind, IssueAction

if TYPE_CHECKING:
    from secaudit.model.tracker import TrackerConfig


@click.group()
def command() -> None:
    """Keep issues in Jira, GitLab, GitHub, Redmine or Roundup in step with findings."""


@command.command()
@click.option("--customer", help="Only the tracker of this customer.")
@click.option("--finding", "fingerprints", multiple=True, help="Only the issue of this finding, whatever its severity.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without it the plan is only shown.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing, as without --apply.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@trackers_option
@store_option
def sync(
    customer: str | None,
    fingerprints: tuple[str, ...],
    is_applied: bool,
    dry_run: bool,
    as_json: bool,
    trackers: Path | None,
    store_url: str | None,
) -> int:
    """Show what is to be done in the trackers, and do it with --apply.

    Nothing is created twice, also after a crash: plan and apply again. A tracker in trouble does not keep the others
    from their turn; the exit code is 2 then.
    """
    from secaudit.export.trackers.session import TrackerError
    from secaudit.transport.secrets import SecretUnavailable

    if is_applied and dry_run:
        raise CommandError("--apply and --dry-run contradict each other")
    now = datetime.now(UTC)
    actions: list[IssueAction] = []
    troubles: list[str] = []
    configs = _chosen(trackers, customer)
    for config in _of_findings(configs, fingerprints, store_url) if fingerprints else configs:
        try:
            actions += _synced(config, now, fingerprints, store_url, is_applied=is_applied, is_shown=not as_json)
        except (TrackerError, SecretUnavailable) as error:
            troubles.append(f"{config.customer}: {error}")
    if as_json:
        click.echo(json.dumps([asdict(action) for action in actions], indent=2))
    elif not is_applied and any(action.kind is not ActionKind.WAIT for action in actions):
        click.echo("Nothing was changed; do it with --apply.", err=True)
    if troubles:
        raise CommandError("\n".join(troubles))
    return Exit.FINE


def _synced(
    config: TrackerConfig,
    now: datetime,
    fingerprints: Sequence[str],
    store_url: str | None,
    *,
    is_applied: bool,
    is_shown: bool,
) -> Sequence[IssueAction]:
    """Plan for one tracker, and apply the plan if that is wanted; what was planned or done."""
    from secaudit.cli.stored import read_store, written_store
    from secaudit.cli.tracker_desk import open_desk

    with ExitStack() as stack:
        store = (written_store if is_applied else read_store)(store_url, stack)
        desk = open_desk(store, config, stack)
        planned = desk.plan(now, fingerprints or None)
        if is_shown:
            _show(config, planned)
        if not is_applied:
            return planned
        done = desk.apply(planned, now)
        if is_shown:
            _show_done(done)
        return done


@command.command("list")
@click.option("--customer", help="Only the tracker of this customer.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@trackers_option
@store_option
def list_(customer: str | None, as_json: bool, trackers: Path | None, store_url: str | None) -> int:
    """List the trackers and the issues that are known. Asks no tracker."""
    from secaudit.cli.stored import read_store

    rows = [["CUSTOMER", "TRACKER", "ISSUE", "STATE", "MARKER", "LINK"]]
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        for config in _chosen(trackers, customer):
            rows += [
                [config.customer, config.name, issue.issue or "(being created)", issue.state.value, topic, issue.link]
                for topic, issue in store.tracked_issues(config.customer, config.name).items()
            ]
    if as_json:
        head = [name.lower() for name in rows[0]]
        click.echo(json.dumps([dict(zip(head, row, strict=True)) for row in rows[1:]], indent=2))
        return Exit.FINE
    for line in aligned(rows):
        click.echo(visible_line(line))
    return Exit.FINE


@command.command()
@click.argument("issue")
@click.option("--customer", help="Only the tracker of this customer.")
@trackers_option
@store_option
def forget(issue: str, customer: str | None, trackers: Path | None, store_url: str | None) -> int:
    """Forget which finding ISSUE stands for. It was deleted in the tracker; the next sync begins anew."""
    from secaudit.cli.stored import written_store

    with ExitStack() as stack:
        store = written_store(store_url, stack)
        for config in _chosen(trackers, customer):
            for tracked in store.tracked_issues(config.customer, config.name).values():
                if tracked.issue == issue:
                    store.release_issue(tracked)
                    click.echo(visible_line(f"{config.customer}: {issue} is forgotten"))
                    return Exit.FINE
    raise CommandError(f"the store knows no issue {issue!r}; see `secaudit tracker list`")


def _chosen(given: Path | None, customer: str | None) -> tuple[TrackerConfig, ...]:
    from secaudit.cli.tracker_desk import tracker_of

    found = read_trackers(given, HERE)
    if customer is not None:
        return (tracker_of(found, customer),)
    if not found:
        raise CommandError("there is no tracker file; see --trackers and `secaudit schema tracker`")
    return found


def _of_findings(
    configs: Sequence[TrackerConfig], fingerprints: Sequence[str], store_url: str | None
) -> Sequence[TrackerConfig]:
    """The trackers of the customers whose findings these are."""
    from secaudit.cli.stored import read_store
    from secaudit.cli.tracker_desk import tracker_of

    customers = set()
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        for fingerprint in fingerprints:
            found = store.finding(fingerprint)
            if found is None:
                raise CommandError(f"the store knows no finding {fingerprint!r}; see `secaudit findings list`")
            customers.add(found.customer)
    return [tracker_of(configs, customer) for customer in sorted(customers)]


def _show(config: TrackerConfig, planned: Sequence[IssueAction]) -> None:
    click.echo(visible_line(f"{config.customer}: {config.name} at {config.url}"))
    if not planned:
        click.echo("    nothing to do")
    rows = [[action.kind.value, action.issue or "-", action.title, action.why] for action in planned]
    for line in aligned(rows, "    "):
        click.echo(visible_line(line))


def _show_done(done: Sequence[IssueAction]) -> None:
    for action in done:
        click.echo(visible_line(f"    done: {action.kind.value} {action.issue} {action.link}"))
