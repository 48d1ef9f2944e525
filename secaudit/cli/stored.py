"""Reading a run back from the store for the commands that judge or report it."""

from __future__ import annotations

from contextlib import ExitStack, closing

from secaudit.cli.exits import CommandError
from secaudit.model.run import RunReport
from secaudit.store import Store, default_url, open_store


def read_store(url: str | None, stack: ExitStack) -> Store:
    """The store opened for reading, closed with `stack`. Raises StoreError."""
    return stack.enter_context(closing(open_store(url or default_url(), read_only=True)))


def stored_report(url: str | None, run_id: str | None, customer: str | None, stack: ExitStack) -> RunReport:
    """The report of a run, or of the latest (of a customer). Raises CommandError or StoreError when there is none."""
    store = read_store(url, stack)
    if run_id is None:
        latest = store.latest_run(customer)
        if latest is None:
            of_whom = f" of customer {customer!r}" if customer else ""
            raise CommandError(f"the store holds no run{of_whom} yet; start one with `secaudit scan`")
        run_id = latest.id
    return store.report(run_id)
