"""What scans said about chosen results over time, in few queries for many of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from secaudit.model.month import Sighting
from secaudit.model.outcome import Outcome
from secaudit.store.queries import Queries, counts
from secaudit.store.schema import result, scan

_AT_ONCE = 500
"""Fingerprints of one query; SQLite takes no more than 999 parameters in its oldest builds."""


class Sightings(Queries):
    """The days of results."""

    def sightings(
        self, fingerprints: Collection[str], since: datetime, until: datetime
    ) -> Mapping[str, tuple[Sighting, ...]]:
        """What scans from `since` up to `until` (aware UTC) said about each fingerprint, the oldest first.

        Every fingerprint that is asked for is there, in order; without scans its part is empty.
        """
        wanted = sorted(set(fingerprints))
        found: dict[str, list[Sighting]] = {fingerprint: [] for fingerprint in wanted}
        query = (
            select(result.c.fingerprint, scan.c.opened, result.c.outcome)
            .join(scan, scan.c.id == result.c.scan_id)
            .where(scan.c.opened >= since, scan.c.opened < until, counts(scan.c.run_id))
            .order_by(scan.c.opened, scan.c.id, result.c.position)
        )
        with self._reading() as connection:
            for first in range(0, len(wanted), _AT_ONCE):
                chosen = result.c.fingerprint.in_(wanted[first : first + _AT_ONCE])
                for fingerprint, at, outcome in connection.execute(query.where(chosen)):
                    found[fingerprint].append(Sighting(at, Outcome(outcome)))
        return {fingerprint: tuple(seen) for fingerprint, seen in found.items()}
