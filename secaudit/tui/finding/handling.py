"""What a person does about a finding, each a short conversation: ask, confirm, store."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.model.tracker import ActionKind, IssueAction
from secaudit.tui.dialogs import Ask, Choose, Confirm
from secaudit.tui.finding.detail import Detail, Subject
from secaudit.tui.services import WaiverDraft

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

Talk = Coroutine[Any, Any, None]
"""A conversation; runs in a worker of the interface, and may raise UserError."""

WAIVED_FOR = timedelta(days=30)
"""The end that the waiver form begins with."""

_LENGTH = re.compile(r"(\d{1,3})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


async def acknowledgement(subject: Subject, dashboard: Dashboard) -> None:
    """Acknowledge after a yes. It cannot be taken back: the response clock ends."""
    sure = await dashboard.push_screen_wait(
        Confirm("Acknowledge this finding?", f"{dashboard.services.person} takes care of it; its response clock ends.")
    )
    if sure:
        await _store(dashboard, _event(dashboard, subject, EventKind.ACKNOWLEDGED))


async def note(subject: Subject, dashboard: Dashboard) -> None:
    """Write a note."""
    text = await dashboard.push_screen_wait(Ask("Note"))
    if text:
        await _store(dashboard, _event(dashboard, subject, EventKind.NOTED, note=text))


async def pause(detail: Detail, dashboard: Dashboard) -> None:
    """Pause for one of the contract's reasons, or resume what is paused; `u` resumes as well."""
    last = next((one for one in reversed(detail.events) if one.kind in (EventKind.PAUSED, EventKind.RESUMED)), None)
    subject = detail.subject
    if last is not None and last.kind is EventKind.PAUSED and last.until is not None and last.until > dashboard.now():
        if await dashboard.push_screen_wait(Confirm("Let the clocks run again?", f"They are paused: {last.reason}")):
            await _store(dashboard, _event(dashboard, subject, EventKind.RESUMED))
        return
    allowed = await dashboard.ask_pauses(subject.customer)
    if allowed is None:
        return
    reasons = [(reason, reason) for reason in allowed.reasons]
    reason = await dashboard.push_screen_wait(Choose("Pause the clocks, because", reasons))
    if not reason:
        return
    typed = await dashboard.push_screen_wait(Ask(f"For how long? (h, d, w; {allowed.longest.days}d at most)", "5d"))
    found = _LENGTH.fullmatch(typed or "")
    length = timedelta(hours=int(found[1]) * _HOURS[found[2]]) if found else timedelta()
    if not timedelta() < length <= allowed.longest:
        if typed:
            dashboard.tell(f"{typed} is not a time that the contract allows")
        return
    event = _event(dashboard, subject, EventKind.PAUSED, reason=reason, until=length)
    if await _store(dashboard, event):
        resumed = _event(dashboard, subject, EventKind.RESUMED)
        dashboard.remember("the pause", lambda: dashboard.handle(_resume(dashboard, resumed)))


async def waive(result: Result, dashboard: Dashboard) -> None:
    """Ask for owner, reason and end, show the entry, and write it after a yes."""
    before = dashboard.last_waiver
    owner = await dashboard.push_screen_wait(
        Ask("Waive: who answers for it?", before.owner if before else dashboard.services.person)
    )
    reason = owner and await dashboard.push_screen_wait(
        Ask("Waive: why is it accepted?", before.reason if before else "")
    )
    if not owner or not reason:
        return
    proposed = f"{dashboard.now() + WAIVED_FOR:%Y-%m-%d}"
    expires = await dashboard.push_screen_wait(Ask("Waive: until when? (its last day)", proposed))
    if not expires:
        return
    draft = WaiverDraft(result.customer, result.control, result.host, result.subject, owner, reason, expires)
    dashboard.last_waiver = draft
    explanation = f"{visible(draft.preview)}\n\nIt counts from the next scan on; r checks again."
    if await dashboard.push_screen_wait(Confirm(f"Write this into the waivers of {result.customer}?", explanation)):
        await dashboard.waive(draft)


async def ticket(subject: Subject, dashboard: Dashboard) -> None:
    """Ask the tracker what is to be done, show it, and do it after a yes."""
    plan = await dashboard.plan_ticket(subject)
    if plan is None:
        return
    steps = [action for action in plan.actions if action.kind is not ActionKind.WAIT]
    told = "\n".join(map(_step, plan.actions))
    if not steps:
        dashboard.tell(f"{plan.tracker}: {told or 'the issue of this finding is as it should be'}")
        return
    if await dashboard.push_screen_wait(Confirm(f"Do this in {visible_line(plan.tracker)}?", visible(told))):
        done = await dashboard.apply_ticket(plan)
        dashboard.tell("; ".join(f"{one.kind.value} {one.issue} {one.link}".strip() for one in done))


def _step(action: IssueAction) -> str:
    return " ".join(part for part in (action.kind.value, action.issue, f"{action.title} ({action.why})") if part)


async def _resume(dashboard: Dashboard, event: FindingEvent) -> None:
    await _store(dashboard, event)


async def _store(dashboard: Dashboard, event: FindingEvent) -> bool:
    return await dashboard.record(event)


def _event(
    dashboard: Dashboard,
    subject: Subject,
    kind: EventKind,
    *,
    reason: str = "",
    note: str = "",
    until: timedelta | None = None,
) -> FindingEvent:
    now = dashboard.now()
    ends = now + until if until is not None else None
    return FindingEvent(
        subject.fingerprint, kind, now, until=ends, author=dashboard.services.person, reason=reason, note=note
    )
