"""Promised services: what was measured of each, and until when their certificates are good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from secaudit.model.availability import Availability
from secaudit.model.contract import AvailabilityTarget, ProbeKind, ServiceProbe
from secaudit.model.month import Certificate, EarlierContract, MonthRecord

from ..states import State
from .terms import CertificateRow, Service
from .trends import SERVICE_STATES, service_year


def services(record: MonthRecord) -> tuple[Service, ...]:
    """A row per promised service, in the order of the contract."""
    if record.contract is None:
        return ()
    return tuple(
        replace(row, year=service_year(record, row.name))
        for row in _rows(record.contract.availability, record.availability, record.unmeasured)
    )


def services_of(part: EarlierContract) -> tuple[Service, ...]:
    """A row per service that an earlier contract promised; without years."""
    return tuple(_rows(part.contract.availability, part.availability, part.unmeasured))


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
    return tuple(_certificates(record.contract.availability, record.certificates, record.until))


def certificates_of(part: EarlierContract, end: datetime, later: Collection[str]) -> tuple[CertificateRow, ...]:
    """A row per service that an earlier contract promised and none of `later`, as it stood when the part ended."""
    gone = [one for one in part.contract.availability if one.service not in later]
    return tuple(_certificates(gone, part.certificates, end))


def _certificates(
    promises: Iterable[AvailabilityTarget], certificates: Iterable[Certificate], at: datetime
) -> Iterator[CertificateRow]:
    seen = {one.service: one for one in certificates}
    for promised in promises:
        found = seen.get(promised.service)
        yield CertificateRow(
            service=promised.service,
            is_asked=_speaks_tls(promised.probe),
            seen=found.seen if found else None,
            expires=found.expires if found else None,
            left=found.expires - at if found else None,
        )


def _speaks_tls(probe: ServiceProbe | None) -> bool:
    return probe is not None and (probe.kind is ProbeKind.TLS or probe.is_encrypted)
