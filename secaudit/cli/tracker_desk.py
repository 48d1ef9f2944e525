"""Opening the tracker of a customer for the commands and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from secaudit.cli.exits import CommandError

if TYPE_CHECKING:
    from secaudit.model.tracker import TrackerConfig, TrackerDesk
    from secaudit.store import Store


def tracker_of(trackers: Sequence[TrackerConfig], customer: str) -> TrackerConfig:
    """The tracker of a customer. Raises CommandError when there is none."""
    for config in trackers:
        if config.customer == customer:
            return config
    from secaudit.config.errors import closest

    hint = closest(customer, [config.customer for config in trackers]) or "see --trackers and `secaudit tracker --help`"
    raise CommandError(f"there is no tracker of {customer}; {hint}")


def open_desk(store: Store, config: TrackerConfig, stack: ExitStack) -> TrackerDesk:
    """A desk on an open store (for writing, to apply), closed with `stack`.

    Raises SecretUnavailable when the credentials cannot be read, and TrackerError when its certificates cannot.
    """
    from secaudit.export.trackers.desk import Desk
    from secaudit.transport.secrets import Secrets

    secret = Secrets().get(config.secret) if config.secret is not None else ""
    return stack.enter_context(Desk(store, config, secret))
