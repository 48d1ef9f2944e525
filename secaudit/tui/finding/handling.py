"""What a person does about findings, each a short conversation: ask, confirm, store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from glob import escape
from typing import TYPE_CHECKING, Any

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.model.sla import acknowledgement as standing
from secaudit.model.tracker import ActionKind, IssueAction
from secaudit.tui.dialogs import Ask, Choose, Confirm
from secaudit.tui.finding.detail import Finding
from secaudit.tui.finding.waiver_form import WaiverForm
from secaudit.tui.services import Ticket, WaiverDraft

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

Talk = Coroutine[Any, Any, None]
"""A conversation; runs in a worker of the interface, and may raise UserError."""

WAIVED_FOR = timedelta(days=30)
"""The end that the waiver form begins with."""

LATE = 1.0
"""Seconds after which whoever waits for the store is told so."""

_LENGTH = re.compile(r"(\d{1,3})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


async def acknowledgement(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Acknowledge those that nobody has acknowledged, or take the acknowledgement of all of them back, after a yes."""
    taken = [(found, await _told(found, dashboard, _acknowledged)) for found in findings]
    free = [found for found, event in taken if event is None]
    if free:
        explanation = f"{dashboard.services.person} takes care of it; the response clock ends. u takes it back."
        if await dashboard.push_screen_wait(Confirm(f"Acknowledge {_these(free)}?", explanation)):
            stored = await _store(dashboard, _events(free, dashboard, EventKind.ACKNOWLEDGED))
            _remember_withdrawal(stored, dashboard, "the acknowledgement")
        return
    events = [event for _, event in taken if event is not None]
    by = f"{events[0].author} acknowledged it on {events[0].at:%d %b %H:%M} UTC."
    more = f" So were {len(events) - 1:,} more." if len(events) > 1 else ""
    explanation = f"{visible_line(by)}{more} The response clock then reads as if nobody had; the history keeps both."
    if await dashboard.push_screen_wait(Confirm(f"Take back that {_these(findings)} {_is(findings)}?", explanation)):
        await _store(dashboard, _withdrawn(events, dashboard))


async def note(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Write a note; `u` strikes it out."""
    text = await dashboard.push_screen_wait(Ask(f"Note about {_these(findings)} (stays in the history)"))
    if text:
        stored = await _store(dashboard, _events(findings, dashboard, EventKind.NOTED, note=text))
        _remember_withdrawal(stored, dashboard, "the note")


async def pause(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Pause for one of the contract's reasons, or resume what is paused; `u` does the opposite."""
    paused = [event for found in findings if (event := await _told(found, dashboard, _paused)) is not None]
    if paused:
        these = [found for found in findings if found.fingerprint in {event.fingerprint for event in paused}]
        question = f"Let the clocks of {_these(these)} run again?"
        if await dashboard.push_screen_wait(Confirm(question, visible_line(f"They are paused: {paused[0].reason}"))):
            resumed = await _store(dashboard, _events(these, dashboard, EventKind.RESUMED))
            running = {event.fingerprint for event in resumed}
            # What was left of the pause begins anew, and ends when it would have ended.
            again = [event for event in paused if event.fingerprint in running]
            _remember(dashboard, "the end of the pause", again, lambda: _now(again, dashboard))
        return
    customers = {found.customer: found.name for found in findings}
    if len(customers) > 1:
        dashboard.tell(f"these are findings of {', '.join(customers.values())}: pause those of one contract at a time")
        return
    service = dashboard.services.pauses
    if service is None:
        dashboard.explain("pauses")
        return
    allowed = await asyncio.to_thread(service, findings[0].customer)
    reasons = [(reason, reason) for reason in allowed.reasons]
    reason = await dashboard.push_screen_wait(Choose(f"Pause the clocks of {_these(findings)}, because", reasons))
    if not reason:
        return
    typed = await dashboard.push_screen_wait(Ask(f"For how long? (h, d, w; {allowed.longest.days}d at most)", "5d"))
    found = _LENGTH.fullmatch(typed or "")
    length = timedelta(hours=int(found[1]) * _HOURS[found[2]]) if found else timedelta()
    if not timedelta() < length <= allowed.longest:
        if typed:
            dashboard.tell(f"{typed} is not a time that the contract allows")
        return
    stored = await _store(dashboard, _events(findings, dashboard, EventKind.PAUSED, reason=reason, until=length))
    resumed = [replace(event, kind=EventKind.RESUMED, reason="", until=None) for event in stored]
    _remember(dashboard, "the pause", resumed, lambda: _now(resumed, dashboard))


async def waive(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Ask for owner, reason and end beside the entries that come of it, and write them."""
    before = dashboard.last_waiver
    begun = WaiverDraft(
        *("", "", "", ""),
        owner=before.owner if before else dashboard.services.person,
        reason=before.reason if before else "",
        expires=f"{dashboard.now() + WAIVED_FOR:%Y-%m-%d}",
        approver=before.approver if before else "",
        compensation=before.compensation if before else "",
    )
    requires = dashboard.services.waiver_requires
    required: set[str] = set()
    if requires is not None:
        for customer in {found.customer for found in findings}:
            required.update(await asyncio.to_thread(requires, customer))

    def drafts(lines: Mapping[str, str]) -> Sequence[WaiverDraft]:
        # Host and subject are patterns in the file: what is meant is this one only.
        return [
            WaiverDraft(found.customer, escape(found.control), escape(found.host), escape(found.subject), **lines)
            for found in findings
        ]

    chosen = await dashboard.push_screen_wait(WaiverForm(f"Waive {_these(findings)}", begun, drafts, required))
    service = dashboard.services.waive
    if not chosen or service is None:
        return
    dashboard.last_waiver = chosen[0]
    undo: list[Callable[[], None]] = []
    try:
        for draft in chosen:
            undo.append(await asyncio.to_thread(service, draft))  # noqa: PERF401 - those before one that fails count
    finally:
        if undo:
            many = "the waiver" if len(undo) == 1 else f"{len(undo)} waivers"
            dashboard.remember(many, lambda: _take_back(undo, dashboard, many))
    verb = "is" if len(undo) == 1 else "are"
    dashboard.tell(f"{many} {verb} written and counted from the next scan on: r checks again, u takes it back")


async def ticket(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Ask the tracker what is to be done, show it, and do it after a yes; for one finding after the other."""
    service = dashboard.services.ticket
    if service is None:
        dashboard.explain("ticket")
        return
    for found in findings:
        await _keep_issue(service, found, dashboard)


async def _keep_issue(service: Ticket, found: Finding, dashboard: Dashboard) -> None:
    dashboard.tell("asking the tracker …")
    plan = await asyncio.to_thread(service.plan, found.customer, found.fingerprint)
    told = "\n".join(map(_step, plan.actions))
    if all(action.kind is ActionKind.WAIT for action in plan.actions):
        dashboard.tell(f"{plan.tracker}: {told or 'the issue of this finding is as it should be'}")
        return
    if not await dashboard.push_screen_wait(Confirm(f"Do this in {visible_line(plan.tracker)}?", visible(told))):
        return
    with dashboard.jobs.job(f"issue in {plan.tracker}") as job:
        done = await asyncio.to_thread(service.apply, plan)
        job.line = ", ".join(one.issue for one in done)
    dashboard.store_changed()
    dashboard.tell("; ".join(f"{one.kind.value} {one.issue} {one.link}".strip() for one in done))


def _these(findings: Sequence[Finding]) -> str:
    return f"“{visible_line(findings[0].title)}”" if len(findings) == 1 else f"{len(findings):,} findings"


def _step(action: IssueAction) -> str:
    return " ".join(part for part in (action.kind.value, action.issue, f"{action.title} ({action.why})") if part)


def _is(findings: Sequence[Finding]) -> str:
    return "is acknowledged" if len(findings) == 1 else "are acknowledged"


async def _told(
    found: Finding, dashboard: Dashboard, which: Callable[[Sequence[FindingEvent], datetime], FindingEvent | None]
) -> FindingEvent | None:
    """What the store tells of a finding."""
    events = await asyncio.to_thread(dashboard.source.events, found.fingerprint)
    return which(events, dashboard.now())


def _acknowledged(events: Sequence[FindingEvent], _now: datetime) -> FindingEvent | None:
    return standing(events)


def _paused(events: Sequence[FindingEvent], now: datetime) -> FindingEvent | None:
    """The pause that holds the clocks now."""
    kinds = (EventKind.PAUSED, EventKind.RESUMED, EventKind.FOUND, EventKind.REOPENED, EventKind.RESOLVED)
    last = next((one for one in reversed(events) if one.kind in kinds), None)
    is_paused = last is not None and last.kind is EventKind.PAUSED and last.until is not None and last.until > now
    return last if is_paused else None


async def _take_back(undo: Sequence[Callable[[], None]], dashboard: Dashboard, what: str) -> None:
    for step in reversed(undo):
        await asyncio.to_thread(step)
    dashboard.tell(f"undone: {what}")


def _remember_withdrawal(stored: Sequence[FindingEvent], dashboard: Dashboard, what: str) -> None:
    _remember(dashboard, what, stored, lambda: _withdrawn(stored, dashboard))


def _remember(
    dashboard: Dashboard, what: str, done: Sequence[FindingEvent], opposite: Callable[[], Sequence[FindingEvent]]
) -> None:
    """How to take back what was done, if anything was, by further events."""
    if done:
        dashboard.remember(what, lambda: _undone(what, opposite(), dashboard))


async def _undone(what: str, events: Sequence[FindingEvent], dashboard: Dashboard) -> None:
    if await _store(dashboard, events, quiet=True):
        dashboard.tell(f"undone: {what}")


async def _store(
    dashboard: Dashboard, events: Sequence[FindingEvent], *, quiet: bool = False
) -> Sequence[FindingEvent]:
    """Store each; one that cannot be stored does not keep the others from it. Those that were, with their numbers."""
    service = dashboard.services.record
    if service is None:
        dashboard.explain("record")
        return ()
    stored, troubles = [], []
    late = dashboard.set_timer(LATE, lambda: dashboard.tell("the store is busy; this waits until it is free"))
    for event in events:
        try:
            stored.append(replace(event, number=await asyncio.to_thread(service, event)))
        except UserError as error:
            troubles.append(error)
    late.stop()
    if stored:
        if not quiet:
            dashboard.tell(events[0].kind.value + (f": {len(stored):,}" if len(events) > 1 else ""))
        dashboard.store_changed()
    if troubles:
        dashboard.complain(troubles[0], len(troubles) - 1)
    return stored


def _events(
    findings: Sequence[Finding],
    dashboard: Dashboard,
    kind: EventKind,
    *,
    reason: str = "",
    note: str = "",
    until: timedelta | None = None,
) -> Sequence[FindingEvent]:
    """What happens to each now."""
    now, author = dashboard.now(), dashboard.services.person
    ends = now + until if until is not None else None
    return [
        FindingEvent(found.fingerprint, kind, now, until=ends, author=author, reason=reason, note=note)
        for found in findings
    ]


def _withdrawn(events: Sequence[FindingEvent], dashboard: Dashboard) -> Sequence[FindingEvent]:
    """What takes each back, now."""
    now, author = dashboard.now(), dashboard.services.person
    return [
        FindingEvent(event.fingerprint, EventKind.WITHDRAWN, now, author=author, withdraws=event.number)
        for event in events
    ]


def _now(events: Sequence[FindingEvent], dashboard: Dashboard) -> Sequence[FindingEvent]:
    """The same, done now by whoever is in front."""
    return [replace(event, at=dashboard.now(), author=dashboard.services.person) for event in events]
