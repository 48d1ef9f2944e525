"""One finding, explained: expected and observed, evidence in context, fix, clock, history, references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rich.text import Text

from secaudit.model.answer import Answer, HostTranscript
from secaudit.model.errors import UserError
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.model.sla import EventKind, FindingEvent, withdrawals
from secaudit.store.records import Occurrence
from secaudit.tui import words
from secaudit.tui.finding.evidence import MARK, NAMED, naming
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

CONTEXT = 1
"""Lines of the transcript shown before and after the marked ones."""

MOST_LINES = 12
HISTORY = 30
_BY_PEOPLE = (EventKind.ACKNOWLEDGED, EventKind.PAUSED, EventKind.RESUMED, EventKind.NOTED)
_LABEL = 10
_CLOCK = 20
_GUTTER = 11


@dataclass(frozen=True, slots=True)
class Finding:
    """Which finding is meant, and the run that reported it last; `name` is how people call the customer."""

    fingerprint: str
    customer: str
    host: str
    control: str
    subject: str
    run: str
    name: str

    @property
    def title(self) -> str:
        """Control and subject."""
        return f"{self.control} {self.subject}".strip()


@dataclass(frozen=True, slots=True)
class Detail:
    """What the store knows of a finding. Without a result, `trouble` says why."""

    finding: Finding
    result: Result | None
    history: tuple[Occurrence, ...] = ()
    events: tuple[FindingEvent, ...] = ()
    transcript: HostTranscript | None = None
    trouble: str = ""

    @property
    def resolved(self) -> datetime | None:
        """When a scan proved that it is gone, unless it came back; it may have nothing more to say of it then."""
        lives = (EventKind.FOUND, EventKind.REOPENED, EventKind.RESOLVED)
        last = next((event for event in reversed(self.events) if event.kind in lives), None)
        return last.at if last is not None and last.kind is EventKind.RESOLVED else None


def load_detail(source: Source, finding: Finding) -> Detail:
    """Read it all from the newest run that speaks of it; what cannot be read is left out and named."""
    try:
        history = source.history(finding.fingerprint, HISTORY)
        events = source.events(finding.fingerprint)
        if history:
            finding = replace(finding, run=history[0].run)
        results = source.host_results(finding.customer, finding.host, finding.run)
    except UserError as error:
        return Detail(finding, None, trouble=str(error))
    result = next((found for found in results if found.fingerprint == finding.fingerprint), None)
    if result is None:
        return Detail(finding, None, history, events, trouble=f"the run {finding.run} holds no such result")
    try:
        transcript = source.transcript(finding.run, finding.customer, finding.host)
    except UserError as error:
        return Detail(finding, result, history, events, trouble=str(error))
    return Detail(finding, result, history, events, transcript)


def heading(detail: Detail, look: Look, width: int) -> Text:
    """What it is about, as styled, inert text of lines up to `width` cells; why there is nothing, without a result."""
    page = _Sheet(look, width)
    if detail.result is None:
        return Text(visible(detail.trouble), look.unproven)
    page.head(detail.result, detail.finding.name)
    if detail.resolved is not None:
        page.text.append(f"{words.GLYPHS[Outcome.PASSED]} resolved", look.good)
        page.text.append(f"  {detail.resolved:%d %b %Y %H:%M} UTC; below is what was reported last\n", look.dim)
    return page.text


def describe(detail: Detail, look: Look, width: int) -> Text:
    """What was found and what to do about it. Empty without a result."""
    result = detail.result
    page = _Sheet(look, width)
    if result is None:
        return page.text
    page.part("Expected", result.expected)
    page.part("Observed", result.observed, look.strong)
    answers = {answer.request.key: answer for answer in detail.transcript.answers} if detail.transcript else {}
    for evidence in result.evidence:
        page.evidence(evidence, answers.get(evidence.source), result.subject)
    page.gap()
    page.part("Trouble", detail.trouble, look.unproven)
    page.part("Fix", result.remediation, look.strong)
    return page.text


def standing(detail: Detail, look: Look, now: datetime, width: int) -> Text:
    """How it stands: clock, people, what requires it, history, references. Empty without a result."""
    result = detail.result
    page = _Sheet(look, width)
    if result is None:
        return page.text
    if detail.resolved is None:
        page.clock(result, now)
    page.people(detail.events)
    if result.waiver is not None:
        waiver = result.waiver
        page.part("Waived", f"{waiver.owner}: {waiver.reason}, until {waiver.expires:%Y-%m-%d}")
    page.part("Required", result.baseline, look.accent)
    page.history(detail.history)
    references = " · ".join(f"{standard} {', '.join(clauses)}" for standard, clauses in result.references.items())
    page.part("Refs", references)
    return page.text


class _Sheet:
    """Builds the text part by part."""

    def __init__(self, look: Look, width: int) -> None:
        self.text = Text()
        self._look = look
        self._width = width

    def head(self, result: Result, customer: str) -> None:
        waived = result.waiver is not None
        glyph, style = words.glyph(result.outcome, waived, self._look)
        self.text.append_text(words.severity(result.severity, self._look)).append("  ")
        self.text.append(visible_line(f"{result.subject or result.title}"), self._look.strong)
        self.text.append(f"  {visible_line(result.reason)}\n")
        outcome = "waived" if waived and result.outcome is Outcome.FAILED else result.outcome.value.replace("_", " ")
        kind = f" ({result.kind.value.replace('_', ' ')})" if result.kind else ""
        if result.outcome is Outcome.FAILED and not waived:
            style = words.severity_style(result.severity, self._look)
        self.text.append(f"{glyph} {outcome}{kind}", style)
        where = " ▸ ".join(visible_line(part) for part in (customer, result.host, result.control))
        self.text.append(f"  {where}  {visible_line(result.title)}\n", self._look.dim)

    def gap(self) -> None:
        """An empty line."""
        self.text.append("\n")

    def part(self, label: str, value: str, style: str = "") -> None:
        """A label and its text; nothing when there is none."""
        if not value:
            return
        self.text.append(f"{label:<{_LABEL}}", self._look.dim)
        for number, line in enumerate(visible(value.rstrip("\n")).split("\n")):
            self.text.append(" " * _LABEL if number else "")
            self.text.append_text(words.hanging(line, self._width - _LABEL, _LABEL, style)).append("\n")

    def evidence(self, evidence: Evidence, answer: Answer | None, subject: str) -> None:
        lines, mark, place = evidence.lines, MARK, "line"
        if lines is None and answer is not None:
            lines, mark, place = naming(answer, subject), NAMED, "named in line"
        remarks = []
        if evidence.exit is not None:
            remarks.append(f"exit {evidence.exit}")
        if answer is not None:
            remarks.append(f"{answer.started:%H:%M:%S}")
        if lines is not None:
            to = f"-{lines[1]}" if lines[1] != lines[0] else ""
            remarks.append(f"{place} {lines[0]}{to}" + (f" of {len(answer.lines)}" if answer is not None else ""))
        source, remark = visible_line(evidence.source), " · ".join(remarks)
        room = self._width - _LABEL
        self.text.append(f"\n{'Evidence':<{_LABEL}}", self._look.dim)
        self.text.append_text(words.hanging(source, room, _LABEL, self._look.accent))
        gap = "  " if len(source) + len(remark) + 2 <= room else "\n" + " " * _LABEL
        self.text.append(f"{gap if remark else ''}{remark}\n", self._look.dim)
        if answer is None or lines is None:
            for shown in evidence.excerpt.splitlines():
                self.text.append("         │ ").append_text(self._cut(shown, _GUTTER, "")).append("\n")
            return
        first, last = lines
        begin = max(1, first - CONTEXT)
        end = min(len(answer.lines), last + CONTEXT, begin + MOST_LINES)
        for number in range(begin, end + 1):
            marked = first <= number <= last
            self.text.append(
                f"{mark if marked else ' ':>3}{number:>5} │ ", self._look.accent if marked else self._look.dim
            )
            style = f"{self._look.strong} {self._look.bar}" if marked else self._look.dim
            self.text.append_text(self._cut(answer.lines[number - 1], _GUTTER, style)).append("\n")

    def _cut(self, line: str, taken: int, style: str) -> Text:
        """One line of the screen; `e` shows the whole."""
        shown = words.line(line, style)
        shown.truncate(max(1, self._width - taken), overflow="ellipsis")
        return shown

    def clock(self, result: Result, now: datetime) -> None:
        """How much of the time to mend it is gone."""
        if result.due is None or result.waiver is not None or result.outcome is not Outcome.FAILED:
            return
        left = (result.due - now).total_seconds()
        shown, style = words.due(left, self._look)
        self.text.append(f"{'Clock':<{_LABEL}}", self._look.dim)
        if result.first_seen is not None and result.due > result.first_seen:
            whole = (result.due - result.first_seen).total_seconds()
            gone = min(_CLOCK, max(0, round(_CLOCK * (1 - left / whole))))
            self.text.append("━" * gone, style).append("─" * (_CLOCK - gone), self._look.dim)
            self.text.append(f" {shown}", style).append(f" of {words.span(whole)}", self._look.dim)
        else:
            self.text.append(shown, style)
        self.text.append("\n")
        self.part("Due", f"{result.due:%d %b %Y %H:%M} UTC")

    def people(self, events: Sequence[FindingEvent]) -> None:
        """What people did about it, the oldest first; what was taken back is struck out, and says by whom."""
        withdrawn = withdrawals(events)
        for event in events:
            if event.kind in _BY_PEOPLE:
                until = f" until {event.until:%d %b %H:%M}" if event.until else ""
                why = ": ".join(part for part in (event.reason, event.note) if part)
                said = f"{event.kind.value} by {event.author}, {event.at:%d %b %H:%M} UTC{until}"
                back = withdrawn.get(event.number)
                self.part("People", visible_line(f"{said}  {why}".rstrip()), f"strike {self._look.dim}" if back else "")
                if back is not None:
                    told = ": ".join(part for part in (f"{back.at:%d %b %H:%M}", back.note) if part)
                    self.part("", f"↳ taken back by {back.author}, {told}")

    def history(self, history: Sequence[Occurrence]) -> None:
        """The runs as glyphs, the oldest first."""
        if not history:
            return
        self.text.append(f"{'History':<{_LABEL}}", self._look.dim)
        for one in reversed(history):
            self.text.append(*words.glyph(one.outcome, waived=False, look=self._look))
        self.text.append(f"  {_since(history)}\n", self._look.dim)


def _since(history: Sequence[Occurrence]) -> str:
    """Since when the newest outcome stands."""
    same = history[0]
    for one in history:
        if one.outcome is not history[0].outcome:
            break
        same = one
    return f"{history[0].outcome.value.replace('_', ' ')} since {same.at:%d %b %Y}"
