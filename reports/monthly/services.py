"""Promised services: what was measured of each, and until when their certificates are good."""

from __future__ import annotations

from secaudit.model.contract import ProbeKind, ServiceProbe
from secaudit.model.month import MonthRecord

from ..states import State
from .report import CertificateRow, Service
from .trends import SERVICE_STATES, service_year


def services(record: MonthRecord) -> tuple[Service, ...]:
    """A row per promised service, in the order of the contract."""
    if record.contract is None:
        return ()
    measured = {one.service: one for one in record.availability}
    return tuple(
        Service(
            name=promised.service,
            target=promised.target,
            least=promised.min_coverage,
            state=SERVICE_STATES[measured[promised.service].state] if promised.service in measured else State.UNPROVEN,
            measured=measured.get(promised.service),
            trouble=record.unmeasured.get(promised.service, ""),
            year=service_year(record, promised.service),
        )
        for promised in record.contract.availability
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
