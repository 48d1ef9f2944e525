"""The frame of a screen: tabs and clock, breadcrumb, a line for troubles, the body, and the keys that work here."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible_line
from secaudit.tui import words
from secaudit.tui.scope import Scope

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

T = TypeVar("T")

PAGES = ("overview", "findings", "hosts", "baselines", "runs", "fleet")
"""The numbered screens, in the order of their numbers from 1."""

PATIENCE = 0.15
"""Seconds before waiting is mentioned."""

NARROW, WIDE = 100, 160

JOB = 26
"""Cells that the job which runs takes in the title."""


def action_style(style: str, action: str) -> Style:
    """A style whose text runs `action` when it is clicked."""
    return Style.parse(style) + Style(meta={"@click": action})


class Framed(Screen[None]):
    """A screen with title, breadcrumb, notice and key line around `compose_body`."""

    PAGE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "out", "Back", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    @property
    def dashboard(self) -> Dashboard:
        """The app."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """The frame."""
        yield Static("", id="title")
        yield Static("", id="trail")
        yield Static("", id="notice")
        yield from self.compose_body()
        yield Static("", id="keys")

    @property
    def is_ready(self) -> bool:
        """Whether its parts are there: not yet while it is being opened, no longer while the program ends."""
        return self.is_mounted and bool(self.query("#keys"))

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """What stands in the frame."""

    def trail(self) -> tuple[str, ...]:
        """The levels of the breadcrumb."""
        return (self.PAGE.capitalize(), *self.dashboard.scope.trail)

    def remark(self) -> str:
        """What stands at the right end of the breadcrumb."""
        return ""

    def on_mount(self) -> None:
        """Hide the notice until there is one."""
        self.query_one("#notice").display = False
        self.paint_frame()

    def on_resize(self) -> None:
        """Fit the frame."""
        self.set_class(self.size.width < NARROW, "narrow")
        self.set_class(self.size.width >= WIDE, "wide")
        self.paint_frame()

    def on_screen_resume(self) -> None:
        """In front again: scope, theme or time may be others now."""
        if self.is_ready:
            self.follow()

    def follow(self) -> None:
        """Show what is true now."""
        self.paint_frame()

    def repaint(self) -> None:
        """The theme changed."""

    def paint_frame(self) -> None:
        """Show title, breadcrumb and keys as they are now."""
        if not self.is_ready:
            return
        width = self.size.width or self.app.size.width
        # One line each, whatever they hold: a new layout of the screen would cost more than all the rest.
        self.query_one("#title", Static).update(self._title(width), layout=False)
        self.query_one("#trail", Static).update(self._trail(width), layout=False)
        self.query_one("#keys", Static).update(self._keys(width), layout=False)
        self.query_one("#title").display = width >= NARROW

    def say(self, text: str) -> None:
        """Show a line about the state of things, or none."""
        if text == self._said or not self.is_ready:
            return
        self._said = text
        notice = self.query_one("#notice", Static)
        notice.update(Text(visible_line(text), style=self.dashboard.look.unproven, no_wrap=True), layout=False)
        notice.display = bool(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A slash that is typed into a line is a slash."""
        del parameters
        return not (action == "filter" and isinstance(self.focused, Input))

    def action_out(self) -> None:
        """Leave this screen for the one below."""
        self.app.pop_screen()

    def _title(self, width: int) -> Text:
        look = self.dashboard.look
        text = Text(no_wrap=True, end="").append(" secaudit ", f"reverse {look.accent}")
        for number, name in enumerate(PAGES, 1):
            text.append(f"  {number} ", look.dim)
            if name == self.PAGE:
                text.append(name.capitalize(), f"bold underline {look.accent}")
            else:
                text.append(name.capitalize(), action_style("", f"app.page('{name}')"))
        return _ends(text, self._clock(), width)

    def _clock(self) -> Text:
        look, running = self.dashboard.look, self.dashboard.jobs.running
        text = Text("○ read-only ", look.dim) if self.dashboard.read_only else Text("● live ", look.good)
        if running:
            text = words.line(f"◐ {running[-1].title}", look.accent)
            text.truncate(JOB, overflow="ellipsis")
            text.append(" ")
        return Text.assemble(text, f"{self.dashboard.now():%d %b %H:%M} UTC ")

    def _trail(self, width: int) -> Text:
        look = self.dashboard.look
        *upper, last = (visible_line(level) for level in self.trail())
        text = Text(" ", no_wrap=True, end="")
        if width < NARROW:
            text.append(" secaudit ", f"reverse {look.accent}").append(" ")
        for level in upper:
            text.append(f"{level} ▸ ", look.dim)
        text.append(last, look.strong)
        running = "◐ " if self.dashboard.jobs.running else ""
        remark = self.remark() if width >= NARROW else f"{running}{self.dashboard.now():%H:%M}"
        return _ends(text, Text(f"{remark} ", look.dim), width)

    def _keys(self, width: int) -> Text:
        look = self.dashboard.look
        text = Text(" ", no_wrap=True, end="")
        helping = Text.assemble(("?", action_style(look.accent, "app.help")), (" help ", look.dim))
        for _, binding, enabled, _ in self.active_bindings.values():
            if not (binding.show and enabled):
                continue
            key = self.app.get_key_display(binding)
            if text.cell_len + len(key) + len(binding.description) + 3 > width - helping.cell_len:
                break
            text.append(key, action_style(look.accent, binding.action))
            text.append(f" {binding.description}  ", look.dim)
        return _ends(text, helping, width)


def _ends(left: Text, right: Text, width: int) -> Text:
    left.rstrip()
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
    left.pad_right(max(0, width - left.cell_len - right.cell_len))
    return left.append_text(right)


class Page(Framed, Generic[T]):
    """A screen that shows what a worker loads, again whenever the scope or the store changed."""

    def __init__(self) -> None:
        super().__init__()
        self._shown_scope: Scope | None = None
        self._late: Timer | None = None

    @abstractmethod
    def load(self, scope: Scope) -> T:
        """Read what is shown; runs in a worker thread. May raise UserError."""

    @abstractmethod
    def show(self, value: T) -> None:
        """Show what was loaded."""

    def on_mount(self) -> None:
        """Start to load."""
        super().on_mount()
        self.follow()

    def follow(self) -> None:
        """Load again when the scope is another one."""
        super().follow()
        if self._shown_scope != self.dashboard.scope:
            self.reload()

    def reload(self) -> None:
        """Load again; what is shown stays until then."""
        self._shown_scope = self.dashboard.scope
        self.paint_frame()
        if self._late is not None:
            self._late.stop()
        self._late = self.set_timer(PATIENCE, lambda: self.say("reading the store …"))
        self._load(self._shown_scope)

    @work(thread=True, exclusive=True, group="load")
    def _load(self, scope: Scope) -> None:
        worker = get_current_worker()
        try:
            value = self.load(scope)
        except UserError as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._arrived, None, f"{error}; what is shown is older")
        else:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._arrived, value, "")

    def _arrived(self, value: T | None, trouble: str) -> None:
        if not self.is_ready:
            return
        if self._late is not None:
            self._late.stop()
        self.say(trouble)
        if value is not None:
            self.show(value)
        self.paint_frame()

    def action_out(self) -> None:
        """Widen the scope by a level."""
        self.dashboard.go(self.dashboard.scope.up)
