"""The dashboard: from "something is wrong at a customer" to the evidence in a few keys."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.worker import WorkerFailed

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible, visible_line
from secaudit.tui import help as help_text
from secaudit.tui import jobs as job_list
from secaudit.tui.commands import DashboardCommands
from secaudit.tui.dialogs import Confirm, Sheet
from secaudit.tui.finding.detail import Detail, Finding, load_detail
from secaudit.tui.finding.handling import Talk
from secaudit.tui.finding.screen import DetailScreen
from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.views import View, Views
from secaudit.tui.host.screen import HostScreen
from secaudit.tui.jobs import Jobs
from secaudit.tui.pages.baselines import BaselinesPage
from secaudit.tui.pages.fleet import FleetPage
from secaudit.tui.pages.hosts import HostsPage
from secaudit.tui.pages.overview import OverviewPage
from secaudit.tui.pages.page import PAGES, Framed, Page
from secaudit.tui.pages.runs import RunsPage
from secaudit.tui.scope import Scope
from secaudit.tui.services import Services, WaiverDraft
from secaudit.tui.source import Source
from secaudit.tui.themes import LOOKS, Look, themes

POLL_SECONDS = 5.0
"""How often the store is asked whether something changed."""

_SCREENS: dict[str, Callable[[], Screen[None]]] = {
    "overview": OverviewPage,
    "findings": FindingsPage,
    "hosts": HostsPage,
    "baselines": BaselinesPage,
    "runs": RunsPage,
    "fleet": FleetPage,
}


def utc_now() -> datetime:
    """The time that ages and clocks are shown against."""
    return datetime.now(UTC)


class Dashboard(App[None], inherit_bindings=False):
    """`secaudit ui`. `services` are what it can do; `read_only` leaves away all that would change something."""

    TITLE = "secaudit"
    CSS_PATH = "dashboard.tcss"
    COMMANDS: ClassVar[set[type[DashboardCommands]]] = {DashboardCommands}  # type: ignore[assignment]  # narrower on purpose
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"page('{name}')", name, show=False) for number, name in enumerate(PAGES, 1)),
        Binding("o", "report", "Open the report", show=False),
        Binding("u", "undo", "Undo", show=False),
        Binding("ampersand", "jobs", "jobs", tooltip="What was started here and how far it is"),
        Binding("colon", "command_palette", "commands", tooltip="Find a command by its name"),
        Binding("ctrl+p", "command_palette", "commands", show=False, tooltip="Find a command by its name"),
        Binding("question_mark", "help", "Help", show=False),
        Binding("q", "leave", "Quit", show=False),
    ]

    def __init__(
        self,
        source: Source,
        services: Services | None = None,
        *,
        read_only: bool = False,
        now: Callable[[], datetime] = utc_now,
        views: Path | None = None,
        theme: str = "dark",
    ) -> None:
        super().__init__()
        self.source = source
        self.services = services or Services()
        self.read_only = read_only
        self.now = now
        self.views = Views(views)
        self.scope = Scope()
        self.jobs = Jobs(self)
        self.last_waiver: WaiverDraft | None = None
        self._undo: list[tuple[str, Callable[[], Talk | None]]] = []
        self._marker: str | None = None
        self._lost = False
        self.crash: BaseException | None = None
        """What ended it although nobody wanted that; None while all is well."""
        for known in themes():
            self.register_theme(known)
        self.theme = "mono" if os.environ.get("NO_COLOR") else theme
        for name, screen in _SCREENS.items():
            self.add_mode(name, screen)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What the style sheet uses beside the toolkit's own."""
        return {"row-cursor": "#24425c"}

    @property
    def look(self) -> Look:
        """The styles of the theme in force."""
        return LOOKS.get(self.theme, LOOKS["dark"])

    def on_mount(self) -> None:
        """Begin with the overview."""
        # What was imported stays: without this the collector looks through all of it now and then, in the middle of
        # typing, for longer than a keystroke may take.
        gc.freeze()
        self.switch_mode("overview")
        self.theme_changed_signal.subscribe(self, lambda _theme: self._repaint())
        self.set_interval(POLL_SECONDS, self._poll)

    def go(self, scope: Scope, page: str = "") -> None:
        """Show this scope, on this numbered screen or the one in front."""
        self.scope = scope
        if page and page != self.current_mode:
            self.switch_mode(page)
        if isinstance(self.screen, Framed):
            self.screen.on_screen_resume()

    def action_page(self, name: str) -> None:
        """A numbered screen; from a screen above it, the numbered one itself."""
        while self.current_mode == name and len(self.screen_stack) > 1:
            self.pop_screen()
        self.go(self.scope, name)

    def show_findings(self, view: View | None, scope: Scope) -> None:
        """The findings of a scope, filtered."""
        self.scope = scope
        self.action_page("findings")
        page = self.screen
        if isinstance(page, FindingsPage):
            page.show_view(view or View())

    def show_hosts(self, words: str, scope: Scope) -> None:
        """The hosts of a scope that hold these words."""
        self.scope = scope
        self.action_page("hosts")
        page = self.screen
        if isinstance(page, HostsPage):
            page.narrow(words)

    def action_open_finding(self, finding: Finding) -> None:
        """One finding, from wherever it is named."""
        self.push_screen(DetailScreen(finding))

    def open_host(self, customer: str, host: str, name: str = "") -> None:
        """One host."""
        self.push_screen(HostScreen(Scope().of_host(customer, host, name)))

    def show_control(self, control: str, place: str) -> None:
        """A control in its baseline."""
        if self.services.baselines is None:
            self.explain("baselines")
            return
        self.action_page("baselines")
        page = self.screen
        if isinstance(page, BaselinesPage):
            page.look_for(control, place)

    def tell(self, text: str) -> None:
        """A short message that goes away by itself."""
        self.notify(visible_line(text), markup=False)

    def complain(self, error: UserError, more: int = 0) -> None:
        """Show what went wrong, and of how many others that is true as well."""
        others = f" (and {more:,} more)" if more else ""
        self.notify(visible(str(error)) + others, severity="error", markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """The toolkit's last resort for what no handler and no worker caught.

        A worker that met trouble of the store says so and the dashboard goes on. Anything else is a defect and ends
        it, without the toolkit's traceback: that prints the locals of every frame, which hold what hosts answered.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(error, WorkerFailed) and isinstance(cause, UserError):
            self.complain(cause)
            return
        self.crash = self.crash or cause
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def explain(self, service: str) -> None:
        """Why something cannot be done here."""
        self.tell(self.services.why(service))

    @work(thread=True, exclusive=True, group="detail")
    def load_detail(self, screen: FindingsPage | DetailScreen, finding: Finding) -> None:
        """Read a finding and hand it to the screen that shows it."""
        detail = load_detail(self.source, finding)
        self.call_from_thread(_put, screen, detail)

    def remember(self, what: str, undo: Callable[[], Talk | None]) -> None:
        """Note how to take back what is being done; a conversation, where it is one, tells itself what became of it."""
        self._undo.append((what, undo))

    def action_undo(self) -> None:
        """Take back what was done last."""
        if not self._undo:
            self.tell("there is nothing to undo")
            return
        what, undo = self._undo.pop()
        try:
            talk = undo()
        except UserError as error:
            self.complain(error)
            return
        if talk is None:
            self.tell(f"undone: {what}")
        else:
            self.run_worker(self._talk(talk), group="talk")

    def action_help(self) -> None:
        """The keys of the screen in front."""
        if not isinstance(self.screen, Sheet):
            text = help_text.describe(self, self.screen, self.look)
            self.push_screen(Sheet(lambda: text))

    def action_command_palette(self) -> None:
        """Find a command by its name."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder="what do you want to do?"))

    def action_jobs(self) -> None:
        """What was started here."""
        self.push_screen(Sheet(lambda: job_list.describe(self.jobs.started, self.look)))

    def action_leave(self) -> None:
        """Quit; ask when a re-check is running."""
        running = [visible_line(job.title) for job in self.jobs.running]
        if running:
            self.push_screen(Confirm("Quit while this runs?", "\n".join(running)), self._leave)
        else:
            self.exit()

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self.exit()

    def action_report(self) -> None:
        """Write and open the HTML report of the newest run of the scope."""
        self.jobs.open_report()

    def handle(self, talk: Talk, service: str = "record") -> None:
        """Hold a conversation about findings, which ends in something that the service does."""
        if self.read_only or getattr(self.services, service) is None:
            talk.close()
            self.tell("read-only: nothing is changed" if self.read_only else self.services.why(service))
            return
        self.run_worker(self._talk(talk), group="talk")

    async def _talk(self, talk: Talk) -> None:
        try:
            await talk
        except UserError as error:
            self.complain(error)

    @work(thread=True, exclusive=True, group="poll")
    def _poll(self) -> None:
        try:
            marker = self.source.marker()
        except UserError as error:
            self.call_from_thread(self._lose, str(error))
            return
        changed = self._marker not in (None, marker)
        self._marker = marker
        self.call_from_thread(self._polled, changed or self._lost)

    def _lose(self, reason: str) -> None:
        self._lost = True
        for screen in self.screen_stack[-1:]:
            if isinstance(screen, Framed):
                screen.say(f"{reason}; what is shown is as of {self.now():%H:%M}")

    def _polled(self, changed: bool) -> None:
        self._lost = False
        if changed:
            self.store_changed()
        else:
            # While the program ends there is no screen any more.
            for screen in self.screen_stack[-1:]:
                if isinstance(screen, Framed):
                    screen.paint_frame()

    def store_changed(self) -> None:
        """Read again what is shown, and the other screens when they are next in front."""
        for stack in self._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, Page | FindingsPage | DetailScreen | HostScreen) and screen.is_ready:
                    screen.reload()

    def paint_frame(self) -> None:
        """Show what stands around the screen in front as it is now."""
        for screen in self.screen_stack:
            if isinstance(screen, Framed):
                screen.paint_frame()

    def _repaint(self) -> None:
        for stack in self._screen_stacks.values():
            for screen in stack:
                if isinstance(screen, Framed) and screen.is_ready:
                    screen.repaint()
                    screen.paint_frame()


def _put(screen: FindingsPage | DetailScreen, detail: Detail) -> None:
    # While the dashboard ends, a screen outlives its parts, and what a worker brings then comes too late.
    if screen.is_ready:
        screen.put(detail)
