"""The events of findings: what scans report about them and what people do, in the order in which it was stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.sla import EventKind, FindingEvent, acknowledgement, withdrawals
from secaudit.store.errors import StoreError
from secaudit.store.lifecycle import Finding
from secaudit.store.links import link_work
from secaudit.store.queries import Queries
from secaudit.store.schema import finding, finding_event

BY_PEOPLE = frozenset(
    {EventKind.ACKNOWLEDGED, EventKind.PAUSED, EventKind.RESUMED, EventKind.NOTED, EventKind.WITHDRAWN}
)
"""The events that people may add; all others come from scans."""

REVOCABLE = frozenset({EventKind.ACKNOWLEDGED, EventKind.NOTED})
"""The events that may be taken back: others move clocks, and what stood still or ran meanwhile did so."""

_WAIVERS = (EventKind.WAIVED.value, EventKind.UNWAIVED.value)


class FindingEvents(Queries):
    """What a store knows about the life of findings; the part of a store that people write to."""

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def events(self, fingerprint: str) -> tuple[FindingEvent, ...]:
        """Every event of a finding, the oldest first."""
        with self._reading() as connection:
            return _events(connection, fingerprint)

    def all_events(self, customer: str, host: str | None = None) -> Mapping[str, tuple[FindingEvent, ...]]:
        """The events of every finding of a customer (or of one of its hosts) by fingerprint, the oldest first."""
        query = _select().where(finding_event.c.fingerprint == finding.c.fingerprint, finding.c.customer == customer)
        if host is not None:
            query = query.where(finding.c.host == host)
        found: dict[str, list[FindingEvent]] = {}
        with self._reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.fingerprint, []).append(_event(row))
        return {fingerprint: tuple(events) for fingerprint, events in found.items()}

    def add_event(self, event: FindingEvent) -> int:
        """Store what somebody did and return its number; only open findings are acknowledged, paused and resumed.

        An acknowledgement is taken back while the finding is as open as it was then, a note at any time.

        Raises StoreError when there is no such finding, it is resolved, or its state does not fit: it is acknowledged
        or paused already, or is not paused, or has nothing that could be taken back. Raises ValueError for an event
        that only scans report, one without an author, and a pause without reason or end.
        """
        if event.kind not in BY_PEOPLE or not event.author:
            raise ValueError(f"{event.kind.value} by {event.author or 'nobody'} is not for people to add")
        if event.kind is EventKind.PAUSED and not (event.reason and event.until):
            raise ValueError("a pause needs a reason and an end")
        with self._writing() as connection:
            row = connection.execute(
                select(finding.c.resolved, finding.c.customer, finding.c.host)
                .where(finding.c.fingerprint == event.fingerprint)
                .with_for_update()
            ).first()
            if row is None:
                raise StoreError(f"the store knows no finding {event.fingerprint!r}")
            trouble = _refusal(_events(connection, event.fingerprint), event, is_open=row.resolved is None)
            if trouble:
                raise StoreError(f"the finding {event.fingerprint} {trouble}")
            stored = connection.execute(insert(finding_event).values(_row(event)))
            link_work(connection, row.customer, row.host)
            return int(stored.inserted_primary_key[0]) if stored.inserted_primary_key else 0


def keep_events(
    connection: Connection,
    before: Mapping[str, Finding],
    changed: Mapping[str, Finding],
    results: Sequence[Result],
) -> None:
    """Store what a scan of a host changed: `before` are all its findings, `changed` those that the scan touched."""
    rows = [_row(event) for event in transitions(before, changed, results, _waivers(connection, changed))]
    if rows:
        connection.execute(insert(finding_event), rows)


def transitions(
    before: Mapping[str, Finding],
    changed: Mapping[str, Finding],
    results: Sequence[Result],
    waived: Mapping[str, FindingEvent],
) -> Iterator[FindingEvent]:
    """The events that lead from the findings before a scan to those after it. A pure function.

    `waived` holds the last event about a waiver of each finding that has one.
    """
    waivers = {
        result.fingerprint: result.waiver
        for result in results
        if result.waiver is not None and result.outcome in (Outcome.FAILED, Outcome.UNPROVEN)
    }
    for fingerprint, now in changed.items():
        was = before.get(fingerprint)
        if now.resolved is not None:
            yield FindingEvent(fingerprint, EventKind.RESOLVED, now.resolved, outcome=now.outcome)
            continue
        begins = was is None or was.resolved is not None
        if was is None or was.resolved is not None:
            kind = EventKind.FOUND if was is None else EventKind.REOPENED
            yield FindingEvent(fingerprint, kind, now.opened, now.severity, now.outcome)
        elif now.outcome is Outcome.FAILED and was.outcome is Outcome.UNPROVEN:
            yield FindingEvent(fingerprint, EventKind.PROVEN, now.last_seen, now.severity, now.outcome)
        elif now.outcome is Outcome.FAILED and was.severity is not now.severity:
            yield FindingEvent(fingerprint, EventKind.REGRADED, now.last_seen, now.severity, now.outcome)
        last = None if begins else waived.get(fingerprint)
        until = last.until if last is not None and last.kind is EventKind.WAIVED else None
        waiver = waivers.get(fingerprint)
        if waiver is not None and waiver.expires != until:
            yield FindingEvent(
                fingerprint,
                EventKind.WAIVED,
                now.last_seen,
                until=waiver.expires,
                author=waiver.owner,
                note=waiver.reason,
            )
        elif waiver is None and until is not None:
            yield FindingEvent(fingerprint, EventKind.UNWAIVED, now.last_seen)


def _waivers(connection: Connection, changed: Mapping[str, Finding]) -> dict[str, FindingEvent]:
    hosts = {(found.customer, found.host) for found in changed.values()}
    last: dict[str, FindingEvent] = {}
    for customer, host in hosts:
        query = _select().where(
            finding_event.c.fingerprint == finding.c.fingerprint,
            finding.c.customer == customer,
            finding.c.host == host,
            finding_event.c.kind.in_(_WAIVERS),
        )
        last |= {row.fingerprint: _event(row) for row in connection.execute(query)}
    return last


def _refusal(events: Sequence[FindingEvent], event: FindingEvent, *, is_open: bool) -> str:
    """Why an event does not fit what happened before; empty when it does."""
    if event.kind is EventKind.NOTED:
        return ""
    if event.kind is EventKind.WITHDRAWN:
        return _not_withdrawn(events, event.withdraws)
    if not is_open:
        return "is resolved"
    if event.kind is EventKind.ACKNOWLEDGED:
        by = acknowledgement(events)
        return f"was acknowledged by {by.author} on {by.at:%Y-%m-%d %H:%M} UTC" if by else ""
    begin = max(
        (index for index, past in enumerate(events) if past.kind in (EventKind.FOUND, EventKind.REOPENED)), default=0
    )
    present = events[begin:]
    last = next((past for past in reversed(present) if past.kind in (EventKind.PAUSED, EventKind.RESUMED)), None)
    is_paused = last is not None and last.kind is EventKind.PAUSED and last.until is not None and last.until > event.at
    if event.kind is EventKind.RESUMED:
        return "" if is_paused else "is not paused"
    return f"is paused already until {last.until:%Y-%m-%d %H:%M} UTC" if is_paused and last else ""


def _not_withdrawn(events: Sequence[FindingEvent], number: int) -> str:
    """Why an event cannot be taken back."""
    meant = next((past for past in events if past.number == number and past.kind in REVOCABLE), None)
    if meant is None:
        return f"has no acknowledgement or note {number}"
    by = withdrawals(events).get(number)
    if by is not None:
        return f"had that taken back by {by.author} on {by.at:%Y-%m-%d %H:%M} UTC"
    standing = acknowledgement(events)
    if meant.kind is EventKind.ACKNOWLEDGED and (standing is None or standing.number != number):
        return "is resolved, or came back since it was acknowledged: what was acknowledged is over"
    return ""


def _select() -> Select[Any]:
    return select(finding_event).order_by(finding_event.c.at, finding_event.c.id)


def _events(connection: Connection, fingerprint: str) -> tuple[FindingEvent, ...]:
    return tuple(_event(row) for row in connection.execute(_select().where(finding_event.c.fingerprint == fingerprint)))


def _event(row: Row[Any]) -> FindingEvent:
    return FindingEvent(
        fingerprint=row.fingerprint,
        kind=EventKind(row.kind),
        at=row.at,
        severity=row.severity,
        outcome=Outcome(row.outcome) if row.outcome else None,
        until=row.until,
        author=row.author,
        reason=row.reason,
        note=row.note,
        withdraws=row.withdraws,
        number=row.id,
    )


def _row(event: FindingEvent) -> dict[str, Any]:
    return {
        "fingerprint": event.fingerprint,
        "kind": event.kind.value,
        "at": event.at,
        "severity": event.severity,
        "outcome": event.outcome.value if event.outcome else None,
        "until": event.until,
        "author": event.author,
        "reason": event.reason,
        "note": event.note,
        "withdraws": event.withdraws,
    }
