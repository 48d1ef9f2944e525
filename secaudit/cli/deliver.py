"""`secaudit deliver`: tell people what changed, send them their reports, and see what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.service_files import HERE, contracts_option, delivery_option, read_contracts, read_delivery
from secaudit.cli.times import MonthOf
from secaudit.model.counted import counted
from secaudit.model.hours import Month
from secaudit.model.safe_text import visible, visible_line

if TYPE_CHECKING:
    from secaudit.model.delivery import DeliveryPlan, Letter
    from secaudit.store import Store


@click.group(invoke_without_command=True)
@click.option("--send", is_flag=True, help="Send; without it what would be sent is only shown.")
@click.option("--month", type=MonthOf(), help="Send the report of this month instead of what changed, e.g. 2026-10.")
@click.option("--customer", help="With --month: whose report.")
@click.option(
    "--reports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out"),
    show_default=True,
    help="With --month: where `secaudit report --kind monthly` wrote it.",
)
@delivery_option
@contracts_option
@store_option
@click.pass_context
def command(
    ctx: click.Context,
    send: bool,
    month: Month | None,
    customer: str | None,
    reports: Path,
    delivery: Path | None,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Tell people what changed: new and resolved findings, deadlines, hosts that do not answer, broken-off scans.

    Everything that one target was not told yet goes there in one message. With --month the monthly report goes to the
    recipients in the contract. Nothing is told twice: what was composed stands in the outbox of the store, see `list`.
    Exit code 3 when a message could not be sent; it is tried again next time.
    """
    if ctx.invoked_subcommand is not None:
        return Exit.FINE
    if (month is None) != (customer is None):
        raise CommandError("--month and --customer belong together")
    from secaudit.cli.posting import digests, monthly

    plan = read_delivery(delivery, HERE)
    if not plan.subscriptions:
        raise CommandError("no delivery file says who is told what; see docs/delivery.md, or name it with --delivery")
    promised = read_contracts(contracts, HERE)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        store = _opened(store_url, stack, read_only=not send)
        if month is not None and customer is not None:
            letters = monthly(plan, promised, customer, month, reports / customer)
        else:
            letters = digests(store, promised, plan, now)
        if not send:
            return _show(store, plan, letters)
        store.post(letters, now)
        return _send(store, plan)


def _opened(url: str | None, stack: ExitStack, *, read_only: bool) -> Store:
    from secaudit.cli.stored import read_store, written_store

    return (read_store if read_only else written_store)(url, stack)


def _show(store: Store, plan: DeliveryPlan, letters: Mapping[str, Letter]) -> int:
    from secaudit.model.delivery import Stage

    waiting = [posted.message for posted in store.posted((Stage.WAITING,))]
    there = store.known_topics(letters)
    new = [letter.message for topic, letter in letters.items() if topic not in there]
    for message in (*waiting, *new):
        target = plan.target(message.target)
        to = ", ".join(message.to or getattr(target, "to", ()))
        click.echo(f"To {message.target}{f' ({to})' if to else ''}: {visible_line(message.subject)}")
        for line in visible(message.text).splitlines():
            click.echo(f"  {line}")
        for file in message.attachments:
            click.echo(f"  [{visible_line(file.name)}]")
    count = len(waiting) + len(new)
    summary = f"{counted(count, 'message')}; --send sends what is shown." if count else "There is nothing to tell."
    click.echo(summary, err=True)
    return Exit.FINE


def _send(store: Store, plan: DeliveryPlan) -> int:
    from secaudit.cli.posting import send_waiting
    from secaudit.model.delivery import Stage
    from secaudit.transport.secrets import Secrets

    ended = Exit.FINE
    for attempt in send_waiting(store, plan, Secrets().get, lambda: datetime.now(UTC)):
        sent = attempt.stage is Stage.SENT
        why = "" if sent else f": {visible_line(attempt.detail)}"
        click.echo(f"{attempt.id}  {attempt.target}  {attempt.stage.value}{why}", err=not sent)
        ended = ended if sent else Exit.INCOMPLETE
    uncertain = store.posted((Stage.UNCERTAIN,))
    if uncertain:
        click.echo(f"{counted(len(uncertain), 'message')} may or may not have arrived: secaudit deliver list", err=True)
        ended = Exit.INCOMPLETE
    return ended


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
            visible_line(one.detail),
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
    """Send a message again with the next `deliver --send`. It failed, is uncertain or was dropped before."""
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
