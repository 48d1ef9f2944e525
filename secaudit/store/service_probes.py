"""What light probes of services saw."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy import Connection, insert, select

from secaudit.model.availability import Probe
from secaudit.store.links import link_probes
from secaudit.store.queries import Queries
from secaudit.store.schema import service_probe

_BATCH = 5000


class ServiceProbes(Queries):
    """Probes in a store; they are added and never changed."""

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def probes(self, customer: str, service: str, since: datetime, until: datetime) -> tuple[Probe, ...]:
        """The probes of a service between two moments (aware UTC, `until` exclusive), the oldest first."""
        columns = service_probe.c
        query = (
            select(service_probe)
            .where(columns.customer == customer, columns.service == service, columns.at >= since, columns.at < until)
            .order_by(columns.at)
        )
        with self._reading() as connection:
            return tuple(Probe(row.at, row.up, row.detail, row.expires) for row in connection.execute(query))

    def certificate(self, customer: str, service: str, until: datetime) -> Probe | None:
        """The newest probe before a moment (aware UTC) that saw the certificate of a service; None when none did."""
        columns = service_probe.c
        mine = (columns.customer == customer, columns.service == service, columns.at < until)
        query = select(service_probe).where(*mine, columns.expires.is_not(None)).order_by(columns.at.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Probe(row.at, row.up, row.detail, row.expires)

    def add_probes(self, customer: str, service: str, probes: Iterable[Probe]) -> int:
        """Add the probes of moments of which none is stored yet; returns how many these were.

        Of several at one moment the one that failed is stored.
        """
        failed_last = sorted(probes, key=lambda probe: not probe.is_up)
        ordered = sorted({probe.at: probe for probe in failed_last}.values(), key=lambda probe: probe.at)
        if not ordered:
            return 0
        columns = service_probe.c
        there = select(columns.at).where(
            columns.customer == customer, columns.service == service, columns.at.between(ordered[0].at, ordered[-1].at)
        )
        with self._writing() as connection:
            known = set(connection.execute(there).scalars())
            rows = [
                {
                    "customer": customer,
                    "service": service,
                    "at": probe.at,
                    "up": probe.is_up,
                    "detail": probe.detail,
                    "expires": probe.expires,
                }
                for probe in ordered
                if probe.at not in known
            ]
            for first in range(0, len(rows), _BATCH):
                connection.execute(insert(service_probe), rows[first : first + _BATCH])
            if rows:
                link_probes(connection, customer, service, {probe.at for probe in ordered} - known)
        return len(rows)
