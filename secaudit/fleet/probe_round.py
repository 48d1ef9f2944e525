"""One round of light probes: which services are due, and looking at them side by side."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secaudit.model.availability import Probe
from secaudit.model.contract import AvailabilityTarget, ServiceProbe
from secaudit.transport.service_probe import probe_service

AT_ONCE = 16
"""Probes at a time at most."""
EARLY = timedelta(seconds=30)
"""How much before its time a service is due: rounds start every minute, and not to the second."""
SPREAD = timedelta(seconds=5)
"""Over how long a round is spread, so that it is no burst of connections."""


@dataclass(frozen=True, slots=True)
class Due:
    """A service that is to be probed now."""

    customer: str
    service: str
    probe: ServiceProbe

    @property
    def offset(self) -> timedelta:
        """When in the round it is looked at: always the same, so that the time between two probes is too."""
        raw = hashlib.sha256(f"{self.customer}\0{self.service}".encode("utf-8", "surrogatepass")).digest()
        return SPREAD * (int.from_bytes(raw[:4]) / 2**32)


def due(
    services: Iterable[tuple[str, AvailabilityTarget]], latest: Mapping[tuple[str, str], datetime], now: datetime
) -> tuple[Due, ...]:
    """The services whose last probe (by customer and service, aware UTC) is long enough ago, or lies in the future."""
    return tuple(
        Due(customer, promised.service, promised.probe)
        for customer, promised in services
        if promised.probe is not None and not _is_fresh(latest.get((customer, promised.service)), promised.every, now)
    )


def _is_fresh(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is not None and timedelta() <= now - last < every - EARLY


def probe_all(
    wanted: Iterable[Due],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[tuple[Due, Probe], ...]:
    """Look at services, a few at a time, each when its turn comes. Each takes its own timeout at most."""
    ordered = sorted(wanted, key=lambda one: one.offset)
    start = clock()

    def look(one: Due) -> tuple[Due, Probe]:
        return one, probe_service(one.probe, clock())

    found = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in ordered:
            wait = (start + one.offset - clock()).total_seconds()
            if wait > 0 and len(ordered) > 1:
                sleep(wait)
            found.append(pool.submit(look, one))
    return tuple(future.result() for future in found)
