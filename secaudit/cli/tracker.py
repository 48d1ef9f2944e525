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

_TOLD = 20
"""Steps that are named when they could not be done; all are in the plan above."""


@click.group()
def command() -> None:
    """Keep issues in Jira, GitLab, GitHub, Redmine or Roundup in step with findings.

    A file for each customer lies in trackers/ beside the inventory. What its keys take differs by tracker:

    \b
             project       workflow.close, reopen  wont_fix        acknowledged
    jira     key           ids of transitions      resolution ids  status ids
    gitlab   path, number  -                       labels          labels
    github   owner/name    -                       labels          labels
    redmine  identifier    ids of statuses         status ids      status ids
    roundup  any word      ids of statuses         status ids      status ids

    \b
    jira     api: 3 and the user's address for the Cloud, api: 2 elsewhere
    github   url: https://api.github.com; the token's owner has the right to push
    redmine  markup: textile or markdown, as its settings say
    roundup  user: who logs in; schema of the classic template

    `secaudit schema tracker` tells every key; `secaudit init` writes an example.
    """


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

    Nothing is created twice, also after a crash or an error in the middle: sync again. A tracker in trouble does not
    keep the others from their turn; the exit code is 3 then.
    """
    from secaudit.export.trackers.session import TrackerError
    from secaudit.transport.secrets import SecretUnavailable

    if is_applied and dry_run:
        raise CommandError("--apply and --dry-run contradict each other")
    now = datetime.now(UTC)
    syncs: list[_Sync] = []
    configs = _chosen(trackers, customer)
    try:
        for config in _of_findings(configs, fingerprints, store_url) if fingerprints else configs:
            sync = _Sync(config, is_shown=not as_json)
            syncs.append(sync)
            try:
                sync.run(now, fingerprints, store_url, is_applied=is_applied)
            except (TrackerError, SecretUnavailable) as error:
                sync.trouble = f"{config.customer}: {error}"
            finally:
                if is_applied:
                    sync.tell_rest()
    finally:
        if as_json:
            click.echo(json.dumps([action for sync in syncs for action in sync.as_data()], indent=2))
    if not as_json and not is_applied and any(sync.todo for sync in syncs):
        click.echo("Nothing was changed; do it with --apply.", err=True)
    troubles = [sync.trouble for sync in syncs if sync.trouble]
    if troubles:
        raise CommandError("\n".join(troubles), Exit.INCOMPLETE)
    return Exit.FINE


class _Sync:
    """What is planned for one tracker and what of it is done. Each step is told as soon as it is done.

    An error in the middle ends it; `trouble` says which.
    """

    def __init__(self, config: TrackerConfig, *, is_shown: bool) -> None:
        self._config = config
        self._is_shown = is_shown
        self._planned: Sequence[IssueAction] = ()
        self._done: dict[tuple[ActionKind, str], IssueAction] = {}
        self.trouble = ""

    @property
    def todo(self) -> Sequence[IssueAction]:
        """Steps that are planned and not done, in their order."""
        steps = (action for action in self._planned if action.kind is not ActionKind.WAIT)
        return [step for step in steps if (step.kind, step.topic) not in self._done]

    def run(self, now: datetime, fingerprints: Sequence[str], store_url: str | None, *, is_applied: bool) -> None:
        """Plan, and apply the plan if that is wanted."""
        from secaudit.cli.stored import read_store, written_store
        from secaudit.cli.tracker_desk import open_desk

        with ExitStack() as stack:
            store = (written_store if is_applied else read_store)(store_url, stack)
            desk = open_desk(store, self._config, stack)
            self._planned = desk.plan(now, fingerprints or None)
            if self._is_shown:
                _show(self._config, self._planned)
            if is_applied:
                desk.apply(self._planned, now, self._note)

    def tell_rest(self) -> None:
        """Say what was planned and could not be done."""
        rest = self.todo
        if not self._is_shown or not rest:
            return
        for step in rest[:_TOLD]:
            click.echo(visible_line(f"    not done: {step.kind.value} {step.issue or '-'} {step.title}"))
        if len(rest) > _TOLD:
            click.echo(f"    not done: {len(rest) - _TOLD} more")

    def as_data(self) -> Sequence[dict[str, object]]:
        """Each step for `--json`: as it was done, else as it is planned."""
        steps = [(self._done.get((step.kind, step.topic)), step) for step in self._planned]
        return [asdict(done or step) | {"done": done is not None} for done, step in steps]

    def _note(self, step: IssueAction, done: IssueAction) -> None:
        self._done[step.kind, step.topic] = done
        if not self._is_shown:
            return
        if done.kind is ActionKind.WAIT:
            click.echo(visible_line(f"    left: {step.kind.value} {done.title}: {done.why}"))
        else:
            click.echo(visible_line(f"    done: {done.kind.value} {done.issue} {done.link}"))


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
