"""Where a finding is explained: what was found beside how it stands, or above it where room is short."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from secaudit.tui.finding.detail import Detail, describe, heading, standing
from secaudit.tui.finding.evidence import Reader
from secaudit.tui.pages.page import NARROW

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

SIDE = 48
"""Cells of the part that says how a finding stands."""

_GAP = 2


class DetailView(Reader):
    """Scrolls a finding; empty until it is given one."""

    def __init__(self, *, id: str, can_focus: bool = True) -> None:
        super().__init__(id=id, can_focus=can_focus)
        self._detail: Detail | None = None

    def compose(self) -> ComposeResult:
        """What it is about, and the two parts."""
        yield Static("", id="detail-head")
        with Horizontal(id="detail-parts"):
            yield Static("", id="detail-text")
            yield Static("", id="detail-side")

    def put(self, detail: Detail) -> None:
        """Show this finding."""
        self._detail = detail
        self.draw()

    def say(self, text: Text) -> None:
        """Show a text in place of a finding."""
        self._detail = None
        self._update(text, Text(), Text())

    def on_resize(self) -> None:
        """Draw it as wide as there is room."""
        self.draw()

    def draw(self) -> None:
        """Draw it with the styles and at the time of now."""
        detail, width = self._detail, self.scrollable_content_region.width
        if detail is None or width <= 0:
            return
        dashboard = cast("Dashboard", self.app)
        look, now = dashboard.look, dashboard.now()
        head = heading(detail, look, width)
        head.rstrip()
        if self._is_split:
            self._update(head, describe(detail, look, width - SIDE - _GAP), standing(detail, look, now, SIDE - _GAP))
        else:
            self._update(head, describe(detail, look, width).append_text(standing(detail, look, now, width)), Text())

    @property
    def _is_split(self) -> bool:
        return self.scrollable_content_region.width >= NARROW - _GAP

    def _update(self, head: Text, left: Text, side: Text) -> None:
        self.query_one("#detail-side").display = self._is_split and bool(side)
        for name, text in (("head", head), ("text", left), ("side", side)):
            self.query_one(f"#detail-{name}", Static).update(text)
