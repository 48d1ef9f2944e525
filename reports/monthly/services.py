"""Promised services: what was measured of each, and until when their certificates are good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from secaudit.model.availability import Availability
from secaudit.model.contract import AvailabilityTarget, ProbeKind, ServiceProbe
from secaudit.model.month import MonthRecord

from ..states import State
from .terms import CertificateRow, EarlierTerms, Service
from .trends import SERVICE_STATES, service_year


def services(record: MonthRecord) -> tuple[Service, ...]:
    """A row per promised service, in the order of the contract."""
    if record.contract is None:
        return ()
    return tuple(
        replace(row, year=service_year(record, row.name))
        for row in _rows(record.contract.availability, record.availability, record.unmeasured)
    )


def earlier_terms(record: MonthRecord) -> tuple[EarlierTerms, ...]:
    """What the contracts promised that ended within the month before the last one began, the oldest first."""
    return tuple(
        EarlierTerms(
            one.contract.number,
            one.first,
            one.last,
            one.hours,
            one.hours_trouble,
            one.work,
            tuple(_rows(one.contract.availability, one.availability, one.unmeasured)),
        )
        for one in record.earlier
    )


def _rows(
    promises: Iterable[AvailabilityTarget], measured: Iterable[Availability], unmeasured: Mapping[str, str]
) -> Iterator[Service]:
    by_name = {one.service: one for one in measured}
    for promised in promises:
        found = by_name.get(promised.service)
        yield Service(
            name=promised.service,
            target=promised.target,
            least=promised.min_coverage,
            state=SERVICE_STATES[found.state] if found is not None else State.UNPROVEN,
            measured=found,
            trouble=unmeasured.get(promised.service, ""),
            year=(),
        )


def certificates(record: MonthRecord) -> tuple[CertificateRow, ...]:
    """A row per promised service, also for those whose certificate nobody saw."""
    if record.contract is None:
        return ()
    seen = {one.service: one for one in record.certificates}
    rows = []
    for promised in record.contract.availability:
        found = seen.get(promised.service)
        rows.append(
            CertificateRow(
                service=promised.service,
                is_asked=_speaks_tls(promised.probe),
                seen=found.seen if found else None,
                expires=found.expires if found else None,
                left=found.expires - record.until if found else None,
            )
        )
    return tuple(rows)


def _speaks_tls(probe: ServiceProbe | None) -> bool:
    return probe is not None and (probe.kind is ProbeKind.TLS or probe.is_encrypted)
