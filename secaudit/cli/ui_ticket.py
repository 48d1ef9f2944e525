"""Issues of findings for the dashboard: what `secaudit tracker sync --finding` does, in two steps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from secaudit.cli.service_files import HERE, read_trackers
from secaudit.cli.tracker_desk import open_desk, tracker_of
from secaudit.model.tracker import IssueAction
from secaudit.store import open_store
from secaudit.tui.services import TicketPlan


class TrackerTickets:
    """The dashboard's `Ticket` over the tracker files beside the inventory, or those that `trackers` names.

    Both methods raise UserError: for a customer without a tracker, credentials that cannot be read, a tracker that
    does not answer, and a store that cannot be written.
    """

    def __init__(self, store_url: str, trackers: Path | None, inventory: Path | None) -> None:
        self._store_url = store_url
        self._trackers = trackers
        self._inventory = inventory

    def plan(self, customer: str, fingerprint: str) -> TicketPlan:
        """See `Ticket.plan`."""
        config = tracker_of(read_trackers(self._trackers, self._inventory or HERE), customer)
        with ExitStack() as stack:
            store = stack.enter_context(closing(open_store(self._store_url, read_only=True)))
            actions = open_desk(store, config, stack).plan(datetime.now(UTC), (fingerprint,))
        return TicketPlan(customer, f"{config.name} at {config.url}", tuple(actions))

    def apply(self, plan: TicketPlan) -> Sequence[IssueAction]:
        """See `Ticket.apply`."""
        config = tracker_of(read_trackers(self._trackers, self._inventory or HERE), plan.customer)
        with ExitStack() as stack:
            store = stack.enter_context(closing(open_store(self._store_url)))
            return open_desk(store, config, stack).apply(plan.actions, datetime.now(UTC))
