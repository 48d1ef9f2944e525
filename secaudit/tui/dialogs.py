"""Questions in the way of an action, the help, and the list of jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from secaudit.model.safe_text import visible_line
from secaudit.tui.finding.evidence import Reader

R = TypeVar("R")

RENEWED = 0.5
"""Seconds after which a text that is being read is made anew."""


class Dialog(ModalScreen[R]):
    """A box over the screen; Esc closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", show=False)]


class Confirm(Dialog[bool | None]):
    """Yes or no; nothing happens without a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "dismiss(True)", "Yes", show=False),
        Binding("n,q", "dismiss(False)", "No", show=False),
    ]

    def __init__(self, question: str, explanation: str) -> None:
        super().__init__()
        self._question = question
        self._explanation = explanation

    def compose(self) -> ComposeResult:
        """Question, explanation, keys."""
        with Vertical(id="box"):
            yield Static(Text(self._question, "bold"))
            yield Static(Text(self._explanation), id="explanation")
            yield Static(_answers())


def _answers() -> Text:
    """The keys, which a click answers as well."""
    yes, no = (Style.parse("dim") + Style(meta={"@click": f"screen.dismiss({answer})"}) for answer in (True, False))
    return Text.assemble(("Enter or y: yes", yes), (" · ", "dim"), ("Esc or n: no", no))


class Choose(Dialog[str | None]):
    """One of several."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(True)", "Down", show=False),
        Binding("k", "move(False)", "Up", show=False),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, str]]) -> None:
        """`options` are values with what people read."""
        super().__init__()
        self._title = title
        self._options = options

    def compose(self) -> ComposeResult:
        """Title and options."""
        with Vertical(id="box"):
            yield Static(Text(self._title, "bold"))
            yield OptionList(*(Option(Text(visible_line(shown))) for _, shown in self._options))

    def action_move(self, down: bool) -> None:
        """Move like everywhere else."""
        options = self.query_one(OptionList)
        if down:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """That one."""
        self.dismiss(self._options[event.option_index][0])


class Ask(Dialog[str | None]):
    """A line of text."""

    def __init__(self, title: str, value: str = "") -> None:
        super().__init__()
        self._title = title
        self._value = value

    def compose(self) -> ComposeResult:
        """Title and line."""
        with Vertical(id="box"):
            yield Static(Text(self._title, "bold"))
            yield Input(self._value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That text."""
        self.dismiss(event.value.strip() or None)


class Sheet(Dialog[None]):
    """Text to be read, made anew while it is looked at; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark,enter", "dismiss(None)", "Close", show=False)]

    def __init__(self, make: Callable[[], Text]) -> None:
        super().__init__()
        self._make = make
        self._shown = make()

    def compose(self) -> ComposeResult:
        """The text."""
        with Vertical(id="box", classes="tall"), Reader():
            yield Static(self._shown, id="sheet")

    def on_mount(self) -> None:
        """Look again now and then."""
        self.set_interval(RENEWED, self._renew)

    def _renew(self) -> None:
        text = self._make()
        if text != self._shown:
            self._shown = text
            self.query_one("#sheet", Static).update(text)
