"""The findings of a month: those that are open at its end, numbered, and those that were mended in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from secaudit.model.month import MonthRecord, TrackedFinding
from secaudit.model.outcome import Outcome
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.result import Result
from secaudit.model.sla import ClockState, EventKind, FindingClocks, Unmeasured

from ..words import natural
from .report import Changes, Entry, WaiverRow


def entries(record: MonthRecord) -> tuple[Entry, ...]:
    """Every failure that was there in the month: open ones first and numbered, worst first; then mended ones by time.

    What was only unproven is no failure. A failed result that the store keeps no finding of is an entry as well.
    """
    failed = {
        result.fingerprint: (result, host.scanned or record.until)
        for host in record.hosts
        for result in host.results
        if result.outcome is Outcome.FAILED
    }
    found = [
        _entry(finding, life, failed.get(finding.fingerprint), record.translations)
        for finding in record.findings
        for life in finding.lives
        if life.unmeasured is not Unmeasured.UNPROVEN and (life.resolved is None or life.resolved >= record.begin)
    ]
    known = {entry.fingerprint for entry in found if entry.resolved is None}
    found += [
        _untracked(result, seen, record.translations) for key, (result, seen) in failed.items() if key not in known
    ]
    still = sorted((entry for entry in found if entry.resolved is None), key=_gravity)
    mended = sorted((entry for entry in found if entry.resolved is not None), key=_when)
    return (*(replace(entry, number=number) for number, entry in enumerate(still, 1)), *mended)


def changes(found: Iterable[Entry], begin: datetime) -> Changes:
    """What a month did to the open findings."""
    found = tuple(found)
    return Changes(
        before=sum(entry.opened < begin for entry in found),
        new=tuple(sorted((entry for entry in found if entry.opened >= begin), key=_gravity)),
        mended=tuple(entry for entry in found if entry.resolved is not None),
        after=sum(entry.resolved is None for entry in found),
    )


def waivers(found: Iterable[Entry], until: datetime) -> tuple[WaiverRow, ...]:
    """The waivers of open findings, what ends first on top."""
    by_waiver: dict[tuple[datetime, str, str, str, str], list[Entry]] = {}
    for entry in found:
        waiver = entry.result.waiver if entry.result is not None else None
        if waiver is not None:
            key = (waiver.expires, waiver.owner, waiver.reason, waiver.approver, waiver.compensation)
            by_waiver.setdefault(key, []).append(entry)
    return tuple(
        WaiverRow(owner, reason, expires, approver, compensation, tuple(covered), expires - until)
        for (expires, owner, reason, approver, compensation), covered in sorted(
            by_waiver.items(), key=lambda item: item[0]
        )
    )


def _entry(
    finding: TrackedFinding,
    life: FindingClocks,
    failed: tuple[Result, datetime] | None,
    translations: Phrasebook,
) -> Entry:
    clock = life.remediation
    result = failed[0] if failed is not None and life.resolved is None else None
    reason = result.reason if result is not None else finding.reason
    title, told, english = _said(reason, finding.title, finding.control, translations)
    return Entry(
        number=0,
        fingerprint=finding.fingerprint,
        host=finding.host,
        control=finding.control,
        check=finding.check,
        family=finding.family,
        subject=finding.subject,
        title=title,
        told=told,
        english=english,
        severity=life.severity,
        opened=life.proven or life.opened,
        resolved=life.resolved,
        clock=clock,
        result=result,
        paused=_pause(finding) if clock is not None and clock.state is ClockState.PAUSED else "",
        continued=life.continued,
    )


def _untracked(result: Result, seen: datetime, translations: Phrasebook) -> Entry:
    title, told, english = _said(result.reason, result.title, result.control, translations)
    return Entry(
        number=0,
        fingerprint=result.fingerprint,
        host=result.host,
        control=result.control,
        check=result.check,
        family=result.family,
        subject=result.subject,
        title=title,
        told=told,
        english=english,
        severity=result.severity,
        opened=result.first_seen or seen,
        resolved=None,
        clock=None,
        result=result,
        paused="",
    )


def _said(reason: str, title: str, control: str, translations: Phrasebook) -> tuple[str, str, bool]:
    """The title and the words of an entry, and whether these are English: see there."""
    reason = reason.strip()
    told = translations.find(reason)
    if told is not None:
        return "", told.removesuffix("."), False
    return translations.find(title) or "", reason.removesuffix(".") or title or control, True


def _pause(finding: TrackedFinding) -> str:
    return next((event.reason for event in reversed(finding.events) if event.kind is EventKind.PAUSED), "")


def _gravity(entry: Entry) -> tuple[int, str, str, tuple[tuple[int, int, str], ...]]:
    return (-entry.severity.rank, entry.control, entry.host, natural(entry.subject))


def _when(entry: Entry) -> tuple[datetime, str]:
    return (entry.resolved or entry.opened, entry.fingerprint)
