"""The form of a waiver: who answers for it, why, until when, and the entries that will be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from secaudit.model.safe_text import visible
from secaudit.tui.dialogs import Dialog
from secaudit.tui.services import WaiverDraft

MOST_SHOWN = 2
"""Entries that are shown; of the others the number is told."""

Drafts = Callable[[str, str, str], Sequence[WaiverDraft]]
"""The waivers that owner, reason and end make."""


class WaiverForm(Dialog[Sequence[WaiverDraft] | None]):
    """Enter and ↓ go to the next line, ↑ to the one before; Enter in the last line writes what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next line", show=False, priority=True),
        Binding("up", "app.focus_previous", "Line before", show=False, priority=True),
    ]

    def __init__(self, title: str, begun: WaiverDraft, drafts: Drafts) -> None:
        """`begun` holds what the lines begin with."""
        super().__init__()
        self._title = title
        self._begun = begun
        self._drafts = drafts

    def compose(self) -> ComposeResult:
        """Lines, what comes of them, keys."""
        begun = self._begun
        with Vertical(id="box"):
            yield Static(Text(self._title, "bold"))
            for label, name, value in (
                ("Who answers for it", "owner", begun.owner),
                ("Why it is accepted", "reason", begun.reason),
                ("Its last day", "expires", begun.expires),
            ):
                yield Static(Text(label, "dim"))
                yield Input(value, id=name, compact=True)
            yield Static("", id="explanation")
            yield Static(Text("Enter in the last line: write this · Esc: leave", "dim"))

    def on_mount(self) -> None:
        """Begin with what is still empty."""
        empty = [line for line in self.query(Input) if not line.value]
        self.set_focus((empty or list(self.query(Input)))[0])
        self._preview()

    @property
    def _chosen(self) -> Sequence[WaiverDraft]:
        owner, reason, expires = (line.value.strip() for line in self.query(Input))
        return self._drafts(owner, reason, expires)

    def on_input_changed(self) -> None:
        """Show what would be written."""
        self._preview()

    def _preview(self) -> None:
        drafts = self._chosen
        shown = [visible(draft.preview) for draft in drafts[:MOST_SHOWN]]
        if len(drafts) > MOST_SHOWN:
            shown.append(f"and {len(drafts) - MOST_SHOWN} more")
        self.query_one("#explanation", Static).update(Text("\n".join(shown)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The next line, or the end."""
        lines = list(self.query(Input))
        if event.input is not lines[-1]:
            self.set_focus(lines[lines.index(event.input) + 1])
            return
        missing = next((line for line in lines if not line.value.strip()), None)
        if missing is not None:
            self.set_focus(missing)
        else:
            self.dismiss(self._chosen)
