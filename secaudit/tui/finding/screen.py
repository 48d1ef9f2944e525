"""What can be done with the finding in front: its evidence, its check's page, its baseline, its fix, checking again."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from secaudit.tui.finding.detail import Detail, Subject, describe
from secaudit.tui.finding.evidence import Reader, TextScreen, evidence_of
from secaudit.tui.finding.handling import acknowledgement, note, pause, ticket, waive
from secaudit.tui.pages.page import Framed
from secaudit.tui.services import Target


class FindingScreen(Framed):
    """A screen on which one finding is in front."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "evidence", "evidence"),
        Binding("d", "docs", "docs"),
        Binding("b", "baseline", "baseline"),
        Binding("y", "copy", "copy fix"),
        Binding("r", "recheck(False)", "re-check"),
        Binding("a", "acknowledge", "ack"),
        Binding("w", "waive", "waive"),
        Binding("i", "ticket", "ticket"),
        Binding("p", "pause", "Pause the clocks, or let them run again", show=False),
        Binding("n", "note", "Write a note", show=False),
        Binding("R", "recheck(True)", "Re-check the host", show=False),
        Binding("H", "host", "Go to the host", show=False),
    ]

    @property
    @abstractmethod
    def detail(self) -> Detail | None:
        """The finding in front, once it was loaded."""

    def action_evidence(self) -> None:
        """The transcript entries behind it, whole."""
        detail = self.detail
        if detail is None or detail.result is None:
            return
        result, run, source = detail.result, detail.subject.run, self.dashboard.source
        levels = (*self.trail(), f"{result.control} {result.subject}".strip(), "evidence")
        self.app.push_screen(TextScreen(levels, lambda look: evidence_of(source, result, run, look)))

    def action_docs(self) -> None:
        """The page of the check."""
        detail = self.detail
        page = self.dashboard.services.check_page
        if detail is None or detail.result is None:
            return
        if page is None:
            self.dashboard.explain("check_page")
            return
        check = detail.result.check
        self.app.push_screen(TextScreen((*self.trail(), check), lambda _look: Text(page(check))))

    def action_baseline(self) -> None:
        """The control in its baseline."""
        detail = self.detail
        if detail is not None and detail.result is not None:
            self.dashboard.show_control(detail.result.control, detail.result.baseline)

    def action_copy(self) -> None:
        """Put the fix on the clipboard of the terminal (OSC 52)."""
        detail = self.detail
        if detail is None or detail.result is None or not detail.result.remediation:
            self.dashboard.tell("this finding comes without a fix")
            return
        self.app.copy_to_clipboard(detail.result.remediation)
        self.dashboard.tell("the fix is on the clipboard")

    def action_recheck(self, whole_host: bool) -> None:
        """Check the control, or the whole host, again."""
        detail = self.detail
        if detail is None:
            return
        control = detail.result.control if detail.result is not None else None
        subject = detail.subject
        self.dashboard.recheck(Target(subject.customer, subject.host, None if whole_host else control))

    def action_acknowledge(self) -> None:
        """Say that somebody takes care of it."""
        if (detail := self.detail) is not None:
            self.dashboard.handle(acknowledgement(detail.subject, self.dashboard))

    def action_note(self) -> None:
        """Write something down beside it."""
        if (detail := self.detail) is not None:
            self.dashboard.handle(note(detail.subject, self.dashboard))

    def action_pause(self) -> None:
        """Let its clocks stand still for a reason of the contract, or run again."""
        if (detail := self.detail) is not None:
            self.dashboard.handle(pause(detail, self.dashboard))

    def action_waive(self) -> None:
        """Write a waiver for it."""
        detail = self.detail
        if detail is not None and detail.result is not None:
            self.dashboard.handle(waive(detail.result, self.dashboard))

    def action_ticket(self) -> None:
        """Create or update its issue in the customer's tracker."""
        if (detail := self.detail) is not None:
            self.dashboard.handle(ticket(detail.subject, self.dashboard), "ticket")

    def action_host(self) -> None:
        """The host of the finding."""
        if self.detail is not None:
            self.dashboard.open_host(self.detail.subject.customer, self.detail.subject.host)


class DetailScreen(FindingScreen):
    """One finding on the whole screen."""

    def __init__(self, subject: Subject, detail: Detail | None = None) -> None:
        super().__init__()
        self.subject = subject
        self._detail = detail

    @property
    def detail(self) -> Detail | None:
        """The finding of this screen."""
        return self._detail

    def trail(self) -> tuple[str, ...]:
        """The host and the control."""
        result = self._detail.result if self._detail else None
        last = (f"{result.control} {result.subject}".strip(),) if result is not None else ()
        return ("Findings", self.subject.customer, self.subject.host, *last)

    def compose_body(self) -> ComposeResult:
        """The text."""
        with Reader(id="reader"):
            yield Static("", id="detail-text")

    def on_mount(self) -> None:
        """Show what is known, or read it."""
        super().on_mount()
        self.query_one(Reader).focus()
        self.reload()

    def reload(self) -> None:
        """Read the finding again, from the run that scanned it last."""
        if self._detail is not None:
            self.put(self._detail)
        self.dashboard.load_detail(self, self.subject)

    def put(self, detail: Detail) -> None:
        """Show a finding that was read."""
        self._detail = detail
        shown = describe(detail, self.dashboard.look, self.dashboard.now())
        self.query_one("#detail-text", Static).update(shown)
        self.paint_frame()
