"""Gathering what the store knows about all customers at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby

from secaudit import __version__
from secaudit.cli.translations import family_titles, phrasebook
from secaudit.model.answer import Reach
from secaudit.model.fleet import (
    CustomerStanding,
    DueFinding,
    FamilyStanding,
    FleetRecord,
    LaggingHost,
    StaleBackup,
)
from secaudit.model.outcome import Outcome
from secaudit.store import CustomerOverview, FindingFilter, Store, Tally
from secaudit.store.listing import FindingLine

HORIZON = timedelta(days=7)
"""How far ahead a deadline is about to be missed."""

FRESH = timedelta(days=2)
"""How old the newest scan of a host may be."""

BACKUPS = "backup"
_MOST = 200
"""Findings that are listed; a longer list is worked on in the dashboard."""

_LINES = 100_000


def fleet_record(store: Store, now: datetime, timezone: str, language: str) -> FleetRecord:
    """All customers of a store as they stand `now` (aware UTC), with days told in `timezone`.

    Families are called, and checks speak, as in `language`. Raises StoreError, CommandError.
    """
    horizon = now + HORIZON
    hosts = store.hosts()
    due = [line for line in store.due_lines(None, _LINES) if line.due is not None and line.due < horizon]
    stale = FindingFilter(family=BACKUPS, waived=False)
    newest = store.latest_run()
    book = phrasebook(language)
    return FleetRecord(
        at=now,
        version=__version__,
        timezone=timezone,
        horizon=horizon,
        fresh_since=now - FRESH,
        customers=_standings(store, due, now),
        due=tuple(
            DueFinding(line.customer, line.host, line.subject, line.title, line.reason, line.severity, line.due)
            for line in due[:_MOST]
            if line.due is not None
        ),
        due_total=len(due),
        lagging=tuple(
            LaggingHost(one.record.customer, one.record.host, one.record.status, one.record.detail, one.scanned)
            for one in hosts
            if one.record.status is not Reach.COMPLETE or one.scanned < now - FRESH
        ),
        stale=tuple(
            StaleBackup(one.customer, one.host, one.subject, one.reason, one.outcome is Outcome.FAILED, one.opened)
            for one in store.findings(stale, _MOST)
        ),
        stale_total=store.count(stale),
        feeds=newest.feeds if newest is not None else (),
        families=family_titles(book),
        translations=book,
    )


def _standings(store: Store, due: Iterable[FindingLine], now: datetime) -> tuple[CustomerStanding, ...]:
    soon: dict[str, int] = {}
    late: dict[str, int] = {}
    for line in due:
        counted = late if line.due is not None and line.due < now else soon
        counted[line.customer] = counted.get(line.customer, 0) + 1
    clocks = {one.customer: one.unproven for one in store.clocks(now, now, now)}
    return tuple(_standing(one, late, soon, clocks) for one in store.customers())


def _standing(
    one: CustomerOverview, late: Mapping[str, int], soon: Mapping[str, int], unproven: Mapping[str, int]
) -> CustomerStanding:
    by_family = groupby(sorted(one.tallies, key=lambda tally: tally.family), lambda tally: tally.family)
    return CustomerStanding(
        customer=one.customer,
        name=one.name,
        hosts=one.hosts,
        complete=one.complete,
        families=tuple(_family(family, list(tallies)) for family, tallies in by_family),
        overdue=late.get(one.customer, 0),
        due_soon=soon.get(one.customer, 0),
        unproven=unproven.get(one.customer, 0),
        oldest=one.scanned,
    )


def _family(family: str, tallies: list[Tally]) -> FamilyStanding:
    def total(outcome: Outcome, waived: bool = False) -> int:
        return sum(tally.count for tally in tallies if tally.outcome is outcome and tally.waived is waived)

    return FamilyStanding(
        family, total(Outcome.FAILED), total(Outcome.FAILED, True), total(Outcome.UNPROVEN), total(Outcome.PASSED)
    )
