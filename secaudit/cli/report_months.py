"""Whose monthly reports a command is about, and of which month."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from secaudit.cli.exits import CommandError
from secaudit.model.contract import Contract, Contracts
from secaudit.model.hours import Month
from secaudit.sla.reporting import covering, due_month, over_at


def contracted(
    promised: Contracts, customer: str | None, month: Month | None, now: datetime
) -> list[tuple[str, Month]]:
    """Customers (one, or all) whose contract is in force in the month, with it; without a month the one that is due.

    Raises CommandError when there is no contract to look at.
    """
    customers = sorted({contract.customer for contract in promised.all if customer in (None, contract.customer)})
    if not customers:
        whose = "" if customer is None else f" of {customer}"
        raise CommandError(f"there is no contract{whose} that says when reports are due; see --contracts")
    chosen = []
    for one in customers:
        mine = promised.of(one)
        its = due_month(mine, now) if month is None else month
        if its is not None and covering(mine, its) is not None:
            chosen.append((one, its))
    if not chosen and month is not None:
        raise CommandError(f"no contract is in force in {month}; see --contracts")
    return chosen


def is_final(path: Path, contract: Contract, month: Month) -> bool:
    """Whether a file is there that was written after the month was over; before, a report is a preview."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) >= over_at(contract, month)
    except OSError:
        return False


def tell_trouble(customer: str, why: str) -> None:
    """Say on stderr why a customer goes without, so that the others need not."""
    from secaudit.model.safe_text import visible

    click.echo(visible(f"{customer}: {why}"), err=True)
