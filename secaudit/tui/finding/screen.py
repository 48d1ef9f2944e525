"""What can be done with the finding in front: its evidence, its check's page, its baseline, its fix, checking again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from secaudit.tui.finding.detail import Detail, Finding
from secaudit.tui.finding.evidence import TextScreen, evidence_of
from secaudit.tui.finding.handling import Talk, acknowledgement, note, pause, ticket, waive
from secaudit.tui.finding.view import DetailView
from secaudit.tui.pages.page import Framed
from secaudit.tui.services import Target
from secaudit.tui.themes import Look

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard


MOST_AT_ONCE = 500
"""Findings that are handled together at most: each is stored by itself, and nobody has looked at more."""


class FindingScreen(Framed):
    """A screen on which one finding is in front."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "evidence", "evidence", tooltip="Recorded answers that it rests on, in full"),
        Binding("d", "docs", "docs", tooltip="What the check means and how it decides"),
        Binding("b", "baseline", "baseline", tooltip="The control in its baseline, with file and line"),
        Binding("y", "copy", "copy fix", tooltip="Copy the fix to the clipboard (OSC 52)"),
        Binding("r", "recheck(False)", "re-check", tooltip="Check this control again now"),
        Binding("a", "acknowledge", "ack", tooltip="Acknowledge, or take that back"),
        Binding("w", "waive", "waive", tooltip="Write a waiver with an end"),
        Binding("i", "ticket", "ticket", tooltip="Create or update the issue in the tracker"),
        Binding("p", "pause", "Pause the clocks, or let them run again", show=False),
        Binding("n", "note", "Write a note", show=False),
        Binding("R", "recheck(True)", "Re-check the host", show=False),
        Binding("H", "host", "Go to the host", show=False),
    ]

    @property
    @abstractmethod
    def detail(self) -> Detail | None:
        """The finding in front, once it was loaded."""

    async def chosen(self) -> Sequence[Finding]:
        """What is to be handled: the selected findings, else the one in front."""
        return [self.detail.finding] if self.detail is not None else []

    def action_evidence(self) -> None:
        """The transcript entries behind it, whole."""
        detail = self.detail
        if detail is None or detail.result is None:
            return
        result, run, source = detail.result, detail.finding.run, self.dashboard.source
        levels = (*self.trail_of(detail.finding), "evidence")
        self.app.push_screen(TextScreen(levels, lambda look, width: evidence_of(source, result, run, look, width)))

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

        def text(look: Look, width: int) -> Text:
            from secaudit.tui.finding.check_page import drawn  # noqa: PLC0415 - slow to import, and needed here only

            return drawn(page(check), look, width)

        self.app.push_screen(TextScreen((*self.trail_of(detail.finding), check), text))

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
        self._about_chosen(lambda findings, dashboard: _recheck(findings, dashboard, whole_host), "recheck")

    def action_acknowledge(self) -> None:
        """Say that somebody takes care of it."""
        self._about_chosen(acknowledgement)

    def action_note(self) -> None:
        """Write something down beside it."""
        self._about_chosen(note)

    def action_pause(self) -> None:
        """Let its clocks stand still for a reason of the contract, or run again."""
        self._about_chosen(pause)

    def action_waive(self) -> None:
        """Write a waiver for it."""
        self._about_chosen(waive, "waive")

    def action_ticket(self) -> None:
        """Create or update its issue in the customer's tracker."""
        self._about_chosen(ticket, "ticket")

    def _about_chosen(self, talk: Callable[[Sequence[Finding], Dashboard], Talk], service: str = "record") -> None:
        async def talked() -> None:
            findings = await self.chosen()
            if len(findings) > MOST_AT_ONCE:
                self.dashboard.tell(f"{len(findings):,} findings are too many at once; {MOST_AT_ONCE} are not")
            elif findings:
                await talk(findings, self.dashboard)

        self.dashboard.handle(talked(), service)

    def action_host(self) -> None:
        """The host of the finding."""
        if self.detail is not None:
            found = self.detail.finding
            self.dashboard.open_host(found.customer, found.host, found.name)

    def trail_of(self, finding: Finding) -> tuple[str, ...]:
        """The breadcrumb of a finding."""
        return (self.PAGE.capitalize(), finding.name, finding.host, finding.title)


async def _recheck(findings: Sequence[Finding], dashboard: Dashboard, whole_host: bool) -> None:
    targets = (Target(found.customer, found.host, None if whole_host else found.control) for found in findings)
    dashboard.jobs.recheck(list(dict.fromkeys(targets)))


class DetailScreen(FindingScreen):
    """One finding on the whole screen."""

    PAGE = "findings"

    def __init__(self, finding: Finding, detail: Detail | None = None) -> None:
        super().__init__()
        self.finding = finding
        self._detail = detail

    @property
    def detail(self) -> Detail | None:
        """The finding of this screen."""
        return self._detail

    def trail(self) -> tuple[str, ...]:
        """The host and the control."""
        return self.trail_of(self.finding)

    def compose_body(self) -> ComposeResult:
        """The text."""
        yield DetailView(id="reader")

    def on_mount(self) -> None:
        """Show what is known, or read it."""
        super().on_mount()
        self.set_focus(self.query_one(DetailView))
        self.reload()

    def reload(self) -> None:
        """Read the finding again, from the run that scanned it last."""
        if self._detail is not None:
            self.put(self._detail)
        self.dashboard.load_detail(self, self.finding)

    def put(self, detail: Detail) -> None:
        """Show a finding that was read."""
        self._detail = detail
        self.query_one(DetailView).put(detail)
        self.paint_frame()

    def repaint(self) -> None:
        """The theme changed."""
        self.query_one(DetailView).draw()
