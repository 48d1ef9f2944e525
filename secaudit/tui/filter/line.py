"""The line that the filter is typed into."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import Reactive
from textual.suggester import Suggester
from textual.widgets import Input

from secaudit.tui.filter.completion import complete
from secaudit.tui.filter.language import parse
from secaudit.tui.filter.sql import Known


class _Problems(Highlighter):
    """Underlines what means nothing."""

    def highlight(self, text: Text) -> None:
        for problem in parse(text.plain).problems:
            text.stylize("underline bold", problem.start, problem.end)


class _Names(Suggester):
    """Offers the language and the names that occur."""

    def __init__(self, known: Callable[[], Known]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """The completed line."""
        return complete(value, self._known().names)


class FilterLine(Input):
    """Filters while typing; Tab completes, Enter and ↓ go back to the rows, Esc clears and then leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "cursor_right", "complete", priority=True),
        Binding("enter,down", "leave", "to the rows", priority=True),
        Binding("escape", "clear_or_leave", "clear", priority=True),
    ]

    virtual_size = Reactive(Size(0, 0))
    """The width of the text. The line stays where it is, so nothing is laid out anew at a keystroke."""

    def __init__(self, known: Callable[[], Known], leave: Callable[[], None]) -> None:
        """`known` are the names that are offered; `leave` gives the focus to the rows, before the next key."""
        super().__init__(
            placeholder="filter: sev:high+ host:web* family:firewall new -waived, or any words",
            highlighter=_Problems(),
            suggester=_Names(known),
            compact=True,
            id="filter",
        )
        self._leave = leave
        # Keys that are typed before the first `/` belong to the rows.
        self.can_focus = False

    def action_leave(self) -> None:
        """Keep the filter and go back to the rows."""
        self.can_focus = False
        self._leave()

    def action_clear_or_leave(self) -> None:
        """Clear the filter, else go back to the rows."""
        if self.value:
            self.value = ""
        else:
            self.action_leave()
