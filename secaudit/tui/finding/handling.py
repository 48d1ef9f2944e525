"""What a person does about findings, each a short conversation: ask, confirm, store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from glob import escape
from typing import TYPE_CHECKING, Any

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.sla import EventKind, FindingEvent
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

_LENGTH = re.compile(r"(\d{1,3})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


async def acknowledgement(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Acknowledge after a yes. It cannot be taken back: the response clock ends."""
    explanation = f"{dashboard.services.person} takes care of it; the response clock ends. This cannot be undone."
    if await dashboard.push_screen_wait(Confirm(f"Acknowledge {_these(findings)}?", explanation)):
        await _store(findings, dashboard, _event(dashboard, EventKind.ACKNOWLEDGED))


async def note(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Write a note."""
    text = await dashboard.push_screen_wait(Ask(f"Note about {_these(findings)} (stays in the history)"))
    if text:
        await _store(findings, dashboard, _event(dashboard, EventKind.NOTED, note=text))


async def pause(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Pause for one of the contract's reasons, or resume what is paused; `u` resumes as well."""
    paused = [found for found in findings if await asyncio.to_thread(_pause_of, found, dashboard)]
    if paused:
        explanation = "They are paused: " + (await asyncio.to_thread(_pause_of, paused[0], dashboard))
        question = f"Let the clocks of {_these(paused)} run again?"
        if await dashboard.push_screen_wait(Confirm(question, visible_line(explanation))):
            await _store(paused, dashboard, _event(dashboard, EventKind.RESUMED))
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
    if await _store(findings, dashboard, _event(dashboard, EventKind.PAUSED, reason=reason, until=length)):
        resumed = _event(dashboard, EventKind.RESUMED)
        dashboard.remember("the pause", lambda: dashboard.handle(_resume(findings, dashboard, resumed)))


async def waive(findings: Sequence[Finding], dashboard: Dashboard) -> None:
    """Ask for owner, reason and end beside the entries that come of it, and write them."""
    before = dashboard.last_waiver
    begun = WaiverDraft(
        *("", "", "", ""),
        owner=before.owner if before else dashboard.services.person,
        reason=before.reason if before else "",
        expires=f"{dashboard.now() + WAIVED_FOR:%Y-%m-%d}",
    )

    def drafts(owner: str, reason: str, expires: str) -> Sequence[WaiverDraft]:
        # Host and subject are patterns in the file: what is meant is this one only.
        return [
            WaiverDraft(
                found.customer, escape(found.control), escape(found.host), escape(found.subject), owner, reason, expires
            )
            for found in findings
        ]

    chosen = await dashboard.push_screen_wait(WaiverForm(f"Waive {_these(findings)}", begun, drafts))
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
            dashboard.remember(many, lambda: dashboard.handle(_take_back(undo), "waive"))
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


def _pause_of(found: Finding, dashboard: Dashboard) -> str:
    """Why a finding is paused now; empty when it is not."""
    kinds = (EventKind.PAUSED, EventKind.RESUMED)
    last = next((one for one in reversed(dashboard.source.events(found.fingerprint)) if one.kind in kinds), None)
    if last is None or last.kind is EventKind.RESUMED or last.until is None or last.until <= dashboard.now():
        return ""
    return last.reason


async def _resume(findings: Sequence[Finding], dashboard: Dashboard, event: FindingEvent) -> None:
    await _store(findings, dashboard, event)


async def _take_back(undo: Sequence[Callable[[], None]]) -> None:
    for step in reversed(undo):
        await asyncio.to_thread(step)


async def _store(findings: Sequence[Finding], dashboard: Dashboard, event: FindingEvent) -> int:
    """Store it of each; one of which it cannot be said does not keep the others from it. How many were stored."""
    service = dashboard.services.record
    if service is None:
        dashboard.explain("record")
        return 0
    stored, troubles = 0, []
    for found in findings:
        try:
            await asyncio.to_thread(service, replace(event, fingerprint=found.fingerprint))
            stored += 1
        except UserError as error:
            troubles.append(error)
    if stored:
        dashboard.tell(event.kind.value + (f": {stored:,}" if len(findings) > 1 else ""))
        dashboard.store_changed()
    if troubles:
        dashboard.complain(troubles[0], len(troubles) - 1)
    return stored


def _event(
    dashboard: Dashboard, kind: EventKind, *, reason: str = "", note: str = "", until: timedelta | None = None
) -> FindingEvent:
    """What happens now, of no finding yet."""
    now = dashboard.now()
    ends = now + until if until is not None else None
    return FindingEvent("", kind, now, until=ends, author=dashboard.services.person, reason=reason, note=note)
