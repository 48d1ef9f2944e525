"""What changed on a customer's hosts in a month: families hold two stored transcripts of each against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from secaudit.api.translation import catalogue
from secaudit.cli.exits import CommandError
from secaudit.engine.sections import change_requests, host_changes
from secaudit.model.answer import Reach
from secaudit.model.change import HostChange, Obstacle
from secaudit.model.month import HostScan, MonthRecord
from secaudit.model.request import Request
from secaudit.plugins import Registry, discover
from secaudit.store import CustomerView, Store, StoreError


def month_changes(store: Store, record: MonthRecord, registry: Registry) -> tuple[HostChange, ...]:
    """What every family tells of each host of the month, by host.

    The last complete scan before the month is held against the last one in it that reached the host; where there is
    none before, the first one in the month that did. What cannot be told is there with its obstacle.
    """
    view = store.of(record.customer)
    wanted = change_requests(registry)
    scans: dict[str, list[HostScan]] = {}
    for scan in record.scans:
        scans.setdefault(scan.host, []).append(scan)
    return tuple(
        change
        for host in record.hosts
        for change in _of_host(view, record, scans.get(host.record.host, []), registry, wanted)
    )


def _of_host(
    view: CustomerView, record: MonthRecord, scans: Sequence[HostScan], registry: Registry, wanted: Collection[Request]
) -> Iterator[HostChange]:
    inside = [scan for scan in scans if scan.at >= record.begin and scan.status is not Reach.UNREACHABLE]
    before = [scan for scan in scans if scan.at < record.begin and scan.status is Reach.COMPLETE]
    last = inside[-1] if inside else None
    first = before[-1] if before else inside[0] if inside else None
    if first is None or last is None:
        yield from _unknown(scans, first, last, registry, Obstacle.NOT_SCANNED)
    elif first is last:
        yield from _unknown(scans, None, last, registry, Obstacle.ONE_SCAN)
    else:
        try:
            then, now = (view.transcript(scan.run, scan.host, wanted) for scan in (first, last))
        except StoreError:
            # Where the store lies is no customer's business.
            yield from _unknown(scans, first, last, registry, Obstacle.GONE)
        else:
            yield from host_changes(then, now, registry)


def _unknown(
    scans: Sequence[HostScan], first: HostScan | None, last: HostScan | None, registry: Registry, obstacle: Obstacle
) -> Iterator[HostChange]:
    """That it is not known, for every family that looked at the host in any scan."""
    looked = {count.family for scan in scans for count in scan.families}
    for name, family in sorted(registry.families.items()):
        for declared in family.changes if name in looked else ():
            at = (scan.at if scan is not None else None for scan in (first, last))
            yield HostChange(scans[-1].host, name, declared.title, next(at), next(at), obstacle=obstacle)


def phrases(language: str) -> Mapping[str, str]:
    """What families say of changes, in a language: their catalogues `sections`.

    Raises CommandError when one cannot be read.
    """
    found: dict[str, str] = {}
    if language != "en":
        for family in discover().families.values():
            try:
                found |= catalogue(family.package, "sections", language)
            except ValueError as error:
                raise CommandError(str(error)) from None
    return found
