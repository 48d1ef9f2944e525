"""The dashboard: from customers to the evidence of one result. Reads the store and changes nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from secaudit.tui.lists import CustomersScreen
from secaudit.tui.source import Source


class Dashboard(App[None]):
    """`secaudit ui`."""

    TITLE = "secaudit"
    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("question_mark", "show_help_panel", "Help"),
    ]

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source

    def on_mount(self) -> None:
        """Begin with all customers."""
        self.push_screen(CustomersScreen(self._source))
