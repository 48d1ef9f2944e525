"""`secaudit deliver`: tell people what changed, send them their reports, and see what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.report_months import contracted, is_final, tell_trouble
from secaudit.cli.service_files import (
    CONTRACTS,
    DELIVERY,
    HERE,
    contracts_option,
    delivery_option,
    find,
    read_delivery,
    read_resolved,
)
from secaudit.cli.signing import sign_option
from secaudit.cli.times import MonthOf
from secaudit.cli.unit_files import named_store, unit_options, write_units
from secaudit.model.counted import counted
from secaudit.model.errors import UserError
from secaudit.model.hours import Month
from secaudit.model.safe_text import visible, visible_line

if TYPE_CHECKING:
    from secaudit.model.contract import Contracts
    from secaudit.model.delivery import DeliveryPlan, Letter, Posted
    from secaudit.store import Store


@click.group(invoke_without_command=True)
@click.option("--send", is_flag=True, help="Send; without it what would be sent is only shown.")
@click.option("--month", type=MonthOf(), help="Send reports of this month instead of what changed: 2026-10 or last.")
@click.option("--due", "is_due", is_flag=True, help="Send the monthly reports that are due by the contracts instead.")
@click.option("--customer", help="With --month or --due: whose report [default: everybody's].")
@click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out"),
    show_default=True,
    help="With --month or --due: where `secaudit report --kind monthly` wrote it.",
)
@delivery_option
@contracts_option
@store_option
@click.pass_context
def command(
    ctx: click.Context,
    send: bool,
    month: Month | None,
    is_due: bool,
    customer: str | None,
    reports: Path,
    delivery: Path | None,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Tell people what changed: new and resolved findings, deadlines, hosts that do not answer, broken-off scans.

    Everything that one target was not told yet goes there in one message. With --month or --due, monthly reports go to
    the recipients in the contracts. Nothing is told twice: what was composed stands in the outbox of the store, see
    `list`. Exit code 3 when a message could not be sent, which is tried again next time, or a report is missing.
    """
    if ctx.invoked_subcommand is not None:
        return Exit.FINE
    if is_due and month is not None:
        raise CommandError("--due finds the month that is due; it takes no --month")
    if customer is not None and month is None and not is_due:
        raise CommandError("--customer needs --month or --due")
    from secaudit.cli.posting import digests, monthly

    plan = read_delivery(delivery, HERE)
    if not plan.subscriptions:
        raise CommandError(
            "no delivery file says who is told what: name it with --delivery; `secaudit schema delivery` tells its keys"
        )
    promised = read_resolved(contracts, HERE)
    now = datetime.now(UTC)
    ended = Exit.FINE
    with ExitStack() as stack:
        store = _opened(store_url, stack, read_only=not send)
        if month is None and not is_due:
            letters = digests(store, promised, plan, now)
        elif month is not None and customer is not None:
            letters = monthly(plan, promised, customer, month, reports / customer)
        else:
            letters, ended = _reports(store, plan, promised, contracted(promised, customer, month, now), reports)
        if not send:
            return max(ended, _show(store, plan, letters))
        store.post(letters, now)
        return max(ended, _send(store, plan))


def _reports(
    store: Store, plan: DeliveryPlan, promised: Contracts, chosen: Sequence[tuple[str, Month]], folder: Path
) -> tuple[Mapping[str, Letter], Exit]:
    """The reports of several customers that are not in the outbox yet, and whether one is missing, which is told."""
    from secaudit.cli.posting import monthly, monthly_topics
    from secaudit.sla.reporting import covering

    letters: dict[str, Letter] = {}
    ended = Exit.FINE
    for customer, month in chosen:
        topics = frozenset(monthly_topics(plan, customer, month).values())
        contract = covering(promised.of(customer), month)
        if contract is None or not (topics or contract.report.recipients):
            continue
        if topics and store.known_topics(topics) == topics:
            continue
        counts = partial(is_final, contract=contract, month=month)
        try:
            letters |= monthly(plan, promised, customer, month, folder / customer, counts)
        except UserError as error:
            tell_trouble(customer, str(error))
            ended = Exit.INCOMPLETE
    return letters, ended


def _opened(url: str | None, stack: ExitStack, *, read_only: bool) -> Store:
    from secaudit.cli.stored import read_store, written_store

    return (read_store if read_only else written_store)(url, stack)


def _show(store: Store, plan: DeliveryPlan, letters: Mapping[str, Letter]) -> int:
    from secaudit.model.delivery import Stage

    waiting = [(posted.message, _next(posted)) for posted in store.posted((Stage.WAITING,))]
    there = store.known_topics(letters)
    new = [(letter.message, "") for topic, letter in letters.items() if topic not in there]
    for message, later in (*waiting, *new):
        target = plan.target(message.target)
        to = ", ".join(message.to or getattr(target, "to", ()))
        click.echo(f"To {message.target}{f' ({to})' if to else ''}: {visible_line(message.subject)}{later}")
        for line in visible(message.text).splitlines():
            click.echo(f"  {line}")
        for file in message.attachments:
            click.echo(f"  [{visible_line(file.name)}]")
    count = len(waiting) + len(new)
    summary = (
        f"{counted(count, 'message')}; --send sends what is shown."
        if count
        else "There is nothing to tell that was not told before."
    )
    click.echo(summary, err=True)
    return Exit.FINE


def _send(store: Store, plan: DeliveryPlan) -> int:
    from secaudit.cli.posting import send_waiting
    from secaudit.model.delivery import Stage
    from secaudit.transport.secrets import Secrets

    ended = Exit.FINE
    tried = set()
    for attempt in send_waiting(store, plan, Secrets().get, lambda: datetime.now(UTC)):
        tried.add(attempt.id)
        sent = attempt.stage is Stage.SENT
        why = "" if sent else f": {visible_line(attempt.detail)}"
        click.echo(f"{attempt.id}  {attempt.target}  {attempt.stage.value}{why}", err=not sent)
        ended = ended if sent else Exit.INCOMPLETE
    troubles = (
        (Stage.WAITING, "will be tried again"),
        (Stage.UNCERTAIN, "may or may not have arrived"),
        (Stage.FAILED, "could not be sent"),
    )
    for stage, said in troubles:
        if left := [posted for posted in store.posted((stage,)) if posted.id not in tried]:
            click.echo(f"{counted(len(left), 'message')} {said}: secaudit deliver list", err=True)
            ended = Exit.INCOMPLETE
    if not tried and ended is Exit.FINE:
        click.echo("There is nothing to tell that was not told before.", err=True)
    return ended


def _next(posted: Posted) -> str:
    """When a message is tried again that was tried before."""
    from secaudit.model.delivery import Stage

    is_later = posted.stage is Stage.WAITING and posted.attempts
    return f" (again from {posted.next:%Y-%m-%d %H:%M} UTC on)" if is_later else ""


@command.command("list")
@store_option
def list_(store_url: str | None) -> int:
    """Show the newest messages and how far they got."""
    with ExitStack() as stack:
        posted = _opened(store_url, stack, read_only=True).posted()
    rows = [
        (
            str(one.id),
            one.stage.value,
            f"{one.composed:%Y-%m-%d %H:%M}",
            one.message.target,
            visible_line(one.message.subject),
            visible_line(one.detail) + _next(one),
        )
        for one in posted
    ]
    if not rows:
        click.echo("The outbox is empty.")
        return Exit.FINE
    for line in aligned([("ID", "STAGE", "COMPOSED", "TARGET", "SUBJECT", "WHY"), *rows]):
        click.echo(line)
    return Exit.FINE


@command.command()
@click.argument("id", type=int)
@store_option
def retry(id: int, store_url: str | None) -> int:
    """Send a message with the next `deliver --send`. It failed, waits, is uncertain or was dropped before."""
    with ExitStack() as stack:
        _opened(store_url, stack, read_only=False).send_again(id, datetime.now(UTC))
    return Exit.FINE


@command.command()
@click.argument("id", type=int)
@store_option
def drop(id: int, store_url: str | None) -> int:
    """Never send a message."""
    with ExitStack() as stack:
        _opened(store_url, stack, read_only=False).drop(id, datetime.now(UTC))
    return Exit.FINE


@command.command()
@click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out"),
    show_default=True,
    help="Directory for the reports. It has to be there and to belong to the account.",
)
@unit_options
@sign_option
@delivery_option
@contracts_option
@store_option
def units(
    reports: Path,
    user: str | None,
    out: Path | None,
    signing_key: Path | None,
    delivery: Path | None,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Write a systemd service and timer. Daily, they write and send due reports."""
    from secaudit.fleet.units import REPORTS
    from secaudit.model.delivery import DirectoryTarget

    promised, told = find(CONTRACTS, contracts, HERE), find(DELIVERY, delivery, HERE)
    if promised is None or told is None:
        raise CommandError("there is no contract or no delivery file here; see --contracts and --delivery")
    folders = [Path(one.path) for one in read_delivery(told, HERE).targets if isinstance(one, DirectoryTarget)]
    common = ["--due", "--contracts", str(promised.resolve()), *named_store(store_url)]
    written = ["report", "--kind", "monthly", "--out", str(reports.resolve()), *common]
    written += ["--sign", str(signing_key.resolve())] if signing_key else []
    sent = ["deliver", "--send", "--reports", str(reports.resolve()), "--delivery", str(told.resolve()), *common]
    writes = dict.fromkeys([reports.resolve(), *(folder.resolve() for folder in folders)])
    return write_units(sent, user, REPORTS, out, before=written, writes=tuple(writes), store_url=store_url)
