"""How many bytes hosts may send: each for itself, all of a run together, and all that are in memory at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from secaudit.api import show_size
from secaudit.model.request import MIB
from secaudit.transport.interface import TooMuch

RUN_LEAST = 1024 * MIB
RUN_SHARE = 16 * MIB
"""What all hosts of a run may send unless that is given: this much for each of them, and at least the former."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scan may cost.

    `host` bounds the whole scan of a host, connection included; waiting for others does not count. `host_bytes` is
    what a host may send, `run_bytes` what all of a run may (None: by their number), `held_bytes` what is held in
    memory of all hosts at once. Bytes count as they come, encoded: outputs are about three quarters of them.
    """

    host: timedelta = timedelta(minutes=10)
    host_bytes: int = 64 * MIB
    run_bytes: int | None = None
    held_bytes: int = 512 * MIB


@dataclass(slots=True)
class _Total:
    """What all hosts together may send. Past it, only who took no more than a fair share may go on.

    So a host that floods is stopped and takes nothing away from the others, and the total stays below twice the limit.
    """

    limit: int
    share: int
    reason: str
    taken: int = 0


class Allowance:
    """What is left of a scan's limits; used from many threads.

    `hosts` are all of the run, `at_once` those whose answers may be in memory at the same time.
    """

    def __init__(self, limits: Limits, hosts: int = 1, at_once: int = 1) -> None:
        run = max(RUN_LEAST, RUN_SHARE * hosts) if limits.run_bytes is None else limits.run_bytes
        self._most = limits.host_bytes
        self._lock = threading.Lock()
        share = run // max(1, hosts)
        self._run = _Total(
            run, share, f"all hosts sent {show_size(run)}, and this one more than its share of {show_size(share)}"
        )
        share = limits.held_bytes // max(1, min(hosts, at_once))
        self._held = _Total(
            limits.held_bytes,
            share,
            f"answers of {show_size(limits.held_bytes)} were in memory, and of this host more than its share of "
            f"{show_size(share)}",
        )

    def host(self) -> HostAllowance:
        """What one more host may send."""
        return HostAllowance(self)

    def take(self, before: int, size: int) -> None:
        """Count what came of a host that sent so much before. Raises TooMuch when nothing more of it may come."""
        with self._lock:
            for total in (self._run, self._held):
                total.taken += size
            if before + size > self._most:
                raise TooMuch(f"the host sent more than the {show_size(self._most)} that one may")
            for total in (self._run, self._held):
                if total.taken > total.limit and before + size > total.share:
                    raise TooMuch(total.reason)

    def release(self, size: int) -> None:
        """So much of what came is no longer in memory."""
        with self._lock:
            self._held.taken -= size


@dataclass(slots=True)
class HostAllowance:
    """What one host took; used by one thread at a time."""

    _all: Allowance
    taken: int = field(default=0, init=False)

    def take(self, size: int) -> None:
        """Count what came. Raises TooMuch, with a sentence for people, when nothing more of this host may come."""
        before, self.taken = self.taken, self.taken + size
        self._all.take(before, size)

    def release(self) -> None:
        """Its answers are no longer in memory."""
        self._all.release(self.taken)
