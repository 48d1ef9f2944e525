"""What changed for a customer lately: findings, deadlines, hosts and scans, as things to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from secaudit.export.delivery.digest import Change, ChangeKind
from secaudit.model.answer import Reach
from secaudit.model.contract import Contracts
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import ClockReading, ClockState, EventKind, FindingEvent
from secaudit.sla.clocks import read_clocks
from secaudit.sla.history import ContractHistory
from secaudit.store import CustomerView, Finding, FindingFilter, FindingState, HostOverview, Store

WINDOW = timedelta(days=7)
"""How long ago a change may be to be told: whoever subscribes today is not told of last year."""

STALLED = timedelta(hours=6)
"""After how long a scan that did not end is taken for interrupted."""

_RUNS = 500
"""Newest runs that are looked at: those of a week in which one begins every twenty minutes."""
_NEW = {EventKind.FOUND, EventKind.REOPENED, EventKind.PROVEN}
_STATES = {ClockState.BREACHED: ChangeKind.BREACHED, ClockState.WARNING: ChangeKind.WARNED}
_TROUBLES = {Reach.UNREACHABLE: ChangeKind.UNREACHABLE, Reach.PARTIAL: ChangeKind.PARTIAL}
_SILENT = {Reach.UNREACHABLE: "no answer", Reach.PARTIAL: "some questions were not answered"}
_ENDS = {Reach.UNREACHABLE: ChangeKind.REACHABLE, Reach.PARTIAL: ChangeKind.WHOLE}


def changes_of(store: Store, contracts: Contracts, customer: str, minimum: Severity, now: datetime) -> list[Change]:
    """Everything at severity `minimum` and above that changed within `WINDOW` before `now` (aware UTC).

    Raises StoreError.
    """
    history = ContractHistory(contracts.of(customer))
    view = store.of(customer)
    events = view.events()
    found = [
        change
        for finding in view.every_finding(FindingFilter(state=FindingState.ALL))
        for change in _of_finding(finding, events.get(finding.fingerprint, ()), history, now)
        if finding.severity.at_least(minimum)
    ]
    for host in view.hosts():
        found += _of_host(view, host, now)
    for overview in view.runs(_RUNS):
        run = overview.run
        if run.finished is None and now - WINDOW - STALLED < run.started < now - STALLED:
            text = f"{overview.recorded} of {overview.planned} hosts; go on with the same scan and --resume {run.id}"
            found.append(Change(f"interrupted {run.id}", ChangeKind.INTERRUPTED, run.started, None, run.id, text))
    return found


def _of_finding(
    finding: Finding, events: Sequence[FindingEvent], history: ContractHistory, now: datetime
) -> Iterator[Change]:
    if finding.waived and finding.resolved is None:
        return
    control, subject = finding.control, finding.subject
    text = finding.reason or finding.title
    failed = False
    for event in events:
        if event.kind in _NEW:
            failed = event.outcome is not Outcome.UNPROVEN
        if not now - WINDOW < event.at <= now:
            continue
        key = f"{event.kind.value} {finding.fingerprint} {event.at.isoformat()}"
        if event.kind in _NEW and event.outcome is Outcome.FAILED and finding.resolved is None:
            yield Change(
                key,
                ChangeKind.NEW,
                event.at,
                finding.severity,
                finding.host,
                text,
                control,
                subject,
                plain=finding.title,
            )
        elif event.kind is EventKind.RESOLVED and failed:
            # The end of what was only unproven is no good news: the control may fail on another subject.
            # The reason of a resolved finding is that of its end.
            yield Change(
                key, ChangeKind.RESOLVED, event.at, finding.severity, finding.host, finding.title, control, subject
            )
    if finding.resolved is None and finding.outcome is Outcome.FAILED:
        clocks = read_clocks(events, history, now) if events else ()
        readings = {"response": clocks[-1].response, "remediation": clocks[-1].remediation} if clocks else {}
        yield from _of_clocks(finding, readings, text, now)


def _of_clocks(
    finding: Finding, readings: Mapping[str, ClockReading | None], text: str, now: datetime
) -> Iterator[Change]:
    for name, reading in readings.items():
        kind = _STATES.get(reading.state) if reading is not None else None
        # A deadline that comes near is news as long as it does; one that is over was news when it passed.
        if reading is not None and kind is not None and reading.due is not None and reading.due > now - WINDOW:
            key = f"{reading.state.value} {name} {finding.fingerprint} {reading.started.isoformat()}"
            due = f"{name} within {reading.promised}, until {reading.due:%Y-%m-%d %H:%M} UTC"
            at, control, subject = min(reading.due, now), finding.control, finding.subject
            yield Change(key, kind, at, finding.severity, finding.host, text, control, subject, due, finding.title)


def _of_host(view: CustomerView, host: HostOverview, now: datetime) -> Iterator[Change]:
    """That a host is reached otherwise than before: once for each time, however long it lasts."""
    customer, name = host.record.customer, host.record.host
    changed = view.reach_change(name)
    if changed is None or changed[0].at <= now - WINDOW:
        return
    began, before = changed
    if began.status is not Reach.COMPLETE:
        kind, plain = _TROUBLES[began.status], _SILENT[began.status]
        text = began.detail or plain
    elif before is not None:
        kind, text, plain = _ENDS[before.status], began.status.value, ""
    else:
        return
    key = f"{kind.name.lower()} {customer}/{name} {began.run}"
    yield Change(key, kind, began.at, None, name, text, plain=plain)
