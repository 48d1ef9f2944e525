"""What the monthly report says in sentences: the verdict, a line per promise, and what happens next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from secaudit.model.sla import ClockState

from ..language import Language
from ..states import State
from .build import most_urgent
from .report import Cause, Doubt, DoubtKind, Entry, MonthlyReport, Promise, PromiseId, Unit

MOST_STEPS = 5
MOST_LACKING = 4
"""Parts without proof that a promise names; section 9 has all of them."""

_DOUBTED = {
    DoubtKind.UNSCANNED: "cause_not_scanned",
    DoubtKind.RESULTS: "cause_unproven",
    DoubtKind.FINDINGS: "cause_not_confirmed",
    DoubtKind.COPY: "cause_copy_unchecked",
    DoubtKind.DAYS: "cause_days_unmeasured",
    DoubtKind.AT_END: "cause_at_end",
    DoubtKind.SERVICE: "cause_not_measured",
    DoubtKind.LEDGER: "cause_no_ledger",
}
_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence in the report's language, and the finding that it is about in the words of its check."""

    text: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Who has to do what until when, and on which day that is; `entry` is the finding that it is about."""

    who: str
    text: str
    entry: Entry | None = None
    until: datetime | None = None
    day: str = ""


def verdict(report: MonthlyReport, language: Language) -> str:
    """The whole month in one sentence."""
    counts = {state: report.count(state) for state in State}
    whole = language.spelt(len(report.promises))
    if counts[State.PASSED] == len(report.promises):
        return language.text("say_all", whole=whole)
    head = _head(counts[State.FAILED], counts[State.UNPROVEN], whole, language)
    rest = [
        language.text(key, counts[state], n=language.spelt(counts[state]))
        for state, key in (
            (State.PASSED, "say_met"),
            (State.WAIVED, "say_waived"),
            (State.NOT_APPLICABLE, "say_unchecked"),
        )
        if counts[state]
    ]
    if not counts[State.PASSED]:
        rest.insert(0, language.text("say_none_met"))
    said = f"{head}; {', '.join(rest)}." if head else f"{', '.join(rest)}."
    return said[:1].upper() + said[1:]


def _head(broken: int, unproven: int, whole: str, language: Language) -> str:
    if broken:
        said = language.text("say_broken", n=language.spelt(broken), whole=whole)
        return said + (language.text("say_unproven_too", n=language.spelt(unproven)) if unproven else "")
    return language.text("say_unproven", n=language.spelt(unproven), whole=whole) if unproven else ""


def urgent(report: MonthlyReport, language: Language) -> Line:
    """The finding that comes first, and until when it has to be mended."""
    entry = most_urgent(report)
    if entry is None:
        if not any(host.scanned for host in report.hosts):
            return Line(language.text("nobody_scanned"))
        return Line(language.text("no_open")) if not report.findings else Line("")
    due = entry.clock.due if entry.clock is not None else None
    if due is None:
        return Line("", entry)
    key = "urgent_overdue" if entry.is_late else "urgent_due"
    return Line(language.text(key, moment=language.minute(due)), entry)


def line(promise: Promise, report: MonthlyReport, language: Language) -> Line:
    """Why a promise is in its state."""
    entry = promise.entries[0] if promise.entries else None
    if promise.state is State.WAIVED:
        return Line(language.text("cause_waived", len(promise.entries)), entry)
    if promise.state is State.UNPROVEN:
        return Line(_doubted(promise, language))
    if promise.cause in (Cause.FAILING, Cause.FAILED):
        return _broken(promise, language, entry)
    if promise.cause is Cause.LATE:
        late = len(promise.entries) or promise.whole - promise.kept
        return Line(language.text("cause_late", late), entry)
    if promise.cause is Cause.OVERDUE:
        return Line(language.text("cause_overdue", promise.overdue), entry)
    if promise.cause is Cause.IN_TIME:
        return Line(language.text("cause_in_time", len(promise.entries)))
    return Line(_plain(promise, report, language))


def _broken(promise: Promise, language: Language, entry: Entry | None) -> Line:
    if promise.id is PromiseId.AVAILABILITY:
        return Line(language.text("cause_availability_failed"))
    if entry is None:
        return Line(language.text("cause_days"))
    return Line(language.text(f"cause_{promise.cause.value}", len(promise.entries)), entry)


def _plain(promise: Promise, report: MonthlyReport, language: Language) -> str:
    if promise.cause is Cause.OVERDRAWN:
        return language.text("cause_overdrawn", hours=language.hours(report.overdrawn))
    if promise.cause is Cause.KEPT and promise.id in (PromiseId.AVAILABILITY, PromiseId.HOURS):
        return language.text(f"cause_{promise.id.value}_kept")
    return language.text(f"cause_{promise.cause.value}")


def _doubted(promise: Promise, language: Language) -> str:
    """Everything that leaves a promise unproven, a sentence for each kind and what is missing by name."""
    counts = Counter[DoubtKind]()
    for doubt in promise.doubts:
        counts[doubt.kind] += doubt.count
    if DoubtKind.RESULTS in counts:  # what stood in the way may concern other promises too
        counts[DoubtKind.RESULTS] = promise.unproven
    said = [language.text(_DOUBTED[kind], count) for kind, count in counts.items() if kind in _DOUBTED]
    lacking = [lacks(doubt, language) for doubt in promise.doubts if doubt.part]
    if DoubtKind.UNSCANNED in counts and not counts[DoubtKind.UNSCANNED]:
        said[0] = language.text("cause_no_host")
    if lacking:
        said.append(language.text("cause_lacking", parts=language.listed(lacking, MOST_LACKING)))
    return " ".join(said)


def lacks(doubt: Doubt, language: Language) -> str:
    """The part that is missing, and of how many hosts when others have it."""
    part = language.text(f"part_{doubt.part.value}") if doubt.part is not None else ""
    if doubt.kind is DoubtKind.PART and doubt.names:
        return language.text("part_on", doubt.count, part=part)
    return part


def figure(promise: Promise, language: Language) -> tuple[str, str]:
    """The number of a promise and what it counts."""
    if not promise.whole:
        return "–", language.text("unit_nothing")
    if promise.unit is Unit.MINUTES:
        used = language.hours_only(promise.kept)
        return language.text("of", part=used, whole=language.hours(promise.whole)), ""
    pair = language.text("of", part=language.number(promise.kept), whole=language.number(promise.whole))
    return pair, language.text(f"unit_{promise.unit.value}")


def comparison(promise: Promise, language: Language) -> tuple[str, str]:
    """An arrow and a word for the way since last month."""
    last = [point.share for point in promise.trend[-2:]]
    if len(last) < 2 or last[0] is None or last[1] is None:
        return "", language.text("no_comparison")
    if last[0] == last[1]:
        return "→", language.text("same")
    if promise.id is PromiseId.HOURS:  # to use more or less of what is included is neither better nor worse
        return ("↗", language.text("more")) if last[1] > last[0] else ("↘", language.text("less"))
    return ("↗", language.text("better")) if last[1] > last[0] else ("↘", language.text("worse"))


def steps(report: MonthlyReport, language: Language) -> tuple[Step, ...]:
    """What happens next, the earliest first: deadlines, waivers and certificates that end, what has no proof."""
    found = [
        Step(_who(entry, language), "", entry, entry.clock.due, _due_day(entry.clock.due, report, language))
        for entry in report.findings
        if not entry.is_waived and entry.clock is not None and entry.clock.due is not None
    ]
    found.sort(key=lambda step: step.until or report.until)
    ending = [
        Step(
            language.text("you"),
            language.text("next_waiver", reason=waiver.reason),
            until=waiver.expires,
            day=language.accepted_until(waiver.expires),
        )
        for waiver in report.waivers
        if waiver.left <= _SOON
    ]
    ending += [
        Step(
            language.text("we"),
            language.text("next_certificate", service=row.service),
            until=row.expires,
            day=language.day(row.expires),
        )
        for row in report.certificates
        if row.is_due and row.expires is not None
    ]
    ending.sort(key=lambda step: step.until or report.until)
    room = MOST_STEPS - bool(report.doubts) - min(len(ending), 2)
    chosen = sorted([*found[:room], *ending[:2]], key=lambda step: step.until or report.until)
    if report.doubts:
        chosen.append(Step(language.text("we"), language.text("next_gaps", len(report.doubts))))
    return tuple(chosen)


def _due_day(due: datetime, report: MonthlyReport, language: Language) -> str:
    """The last day on which it is in time, or the day since when it is late."""
    return language.day(due) if due < report.until else language.last_day(due)


def _who(entry: Entry, language: Language) -> str:
    waits = entry.clock is not None and entry.clock.state is ClockState.PAUSED and "customer" in entry.paused
    return language.text("you" if waits else "we")


def lateness(entry: Entry, language: Language) -> str:
    """When a broken deadline was, and by how much it was missed."""
    clock = entry.clock
    if clock is None or clock.due is None or clock.left is None:
        return ""
    found, due, late = language.minute(clock.started), language.minute(clock.due), language.length(clock.left)
    if clock.ended is None:
        return language.text("late_open", found=found, due=due, late=late)
    return language.text("late_mended", found=found, due=due, ended=language.minute(clock.ended), late=late)
