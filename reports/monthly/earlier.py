"""What contracts promised that ended within the month, and what became of it: a part of the month each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from secaudit.model.month import EarlierContract, MonthRecord

from .backups import copies_of, rule_rows
from .services import certificates_of, services_of
from .terms import EarlierTerms


def earlier_terms(record: MonthRecord) -> tuple[EarlierTerms, ...]:
    """A part of the month per contract that ended in it before another one began, the oldest first."""
    return tuple(_terms(record))


def _terms(record: MonthRecord) -> Iterator[EarlierTerms]:
    later = [*(part.contract for part in record.earlier), *([record.contract] if record.contract is not None else [])]
    for at, part in enumerate(record.earlier, 1):
        copies = copies_of(record, part)
        promised = {one.service for contract in later[at:] for one in contract.availability}
        yield EarlierTerms(
            number=part.contract.number,
            sha256=part.contract.sha256,
            first=part.first,
            last=part.last,
            hours=part.hours,
            hours_trouble=part.hours_trouble,
            work=part.work,
            services=services_of(part),
            certificates=certificates_of(part, _end(part), promised),
            copies=copies,
            rules=rule_rows(part.contract, copies),
            costs=part.contract.costs,
        )


def _end(part: EarlierContract) -> datetime:
    zone = ZoneInfo(part.contract.calendar.timezone)
    return datetime.combine(part.last + timedelta(days=1), time(), zone)
