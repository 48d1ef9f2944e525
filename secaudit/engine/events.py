"""What a running scan tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass

from secaudit.model.answer import Reach
from secaudit.model.run import Summary


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run begins; `hosts` are the labels of everything that will be scanned."""

    run: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostStep:
    """A host began something: `connecting`, the key of a request, `evaluating`, `storing`."""

    host: str
    step: str


@dataclass(frozen=True, slots=True)
class HostDone:
    """A host is finished and stored."""

    host: str
    reach: Reach
    detail: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class RunDone:
    """The run ended; `unfinished` hosts were not scanned because it was interrupted."""

    run: str
    unfinished: tuple[str, ...]


Event = RunStarted | HostStep | HostDone | RunDone
