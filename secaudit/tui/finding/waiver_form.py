"""The form of a waiver: who answers for it, why, until when, and the entries that will be written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from secaudit.model.safe_text import visible
from secaudit.tui.dialogs import Dialog
from secaudit.tui.services import ADDED_TO_WAIVERS, WaiverDraft

MOST_SHOWN = 2
"""Entries that are shown; of the others the number is told."""

Drafts = Callable[[Mapping[str, str]], Sequence[WaiverDraft]]
"""The waivers that the lines make, by the name of their field."""

_LABELS = {
    "owner": "Who answers for it",
    "approver": "Who agreed to it (the contract requires that)",
    "reason": "Why it is accepted",
    "compensation": "What protects instead (the contract requires that)",
    "expires": "Its last day",
}


class WaiverForm(Dialog[Sequence[WaiverDraft] | None]):
    """Enter and ↓ go to the next line, ↑ to the one before; Enter in the last line writes what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next line", show=False, priority=True),
        Binding("up", "app.focus_previous", "Line before", show=False, priority=True),
    ]

    def __init__(self, title: str, begun: WaiverDraft, drafts: Drafts, required: Collection[str] = ()) -> None:
        """`begun` holds what the lines begin with; `required` are what the contract wants beside that."""
        super().__init__()
        self._title = title
        self._begun = begun
        self._drafts = drafts
        self._asked = [name for name in _LABELS if name not in ADDED_TO_WAIVERS or name in required]

    def compose(self) -> ComposeResult:
        """Lines, what comes of them, keys."""
        begun = self._begun
        with Vertical(id="box"):
            yield Static(Text(self._title, "bold"))
            for name in self._asked:
                yield Static(Text(_LABELS[name], "dim"))
                yield Input(getattr(begun, name), id=name, compact=True)
            yield Static("", id="explanation")
            yield Static(Text("Enter in the last line: write this · Esc: leave", "dim"))

    def on_mount(self) -> None:
        """Begin with what is still empty."""
        empty = [line for line in self.query(Input) if not line.value]
        self.set_focus((empty or list(self.query(Input)))[0])
        self._preview()

    @property
    def _chosen(self) -> Sequence[WaiverDraft]:
        return self._drafts({line.id or "": line.value.strip() for line in self.query(Input)})

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
