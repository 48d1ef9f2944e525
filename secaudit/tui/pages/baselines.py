"""The baselines: merged controls, with the file and line of each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from secaudit.model.baseline import Control
from secaudit.model.safe_text import visible_line
from secaudit.tui import words
from secaudit.tui.finding.evidence import Reader
from secaudit.tui.pages.list_page import ListPage, ListRow
from secaudit.tui.pages.page import NARROW
from secaudit.tui.scope import Scope
from secaudit.tui.themes import Look

_NAME = 34
"""Cells of the name of a value."""

_INDENT = _NAME + 3
_VALUE = 31
_FRAME = 4
"""Cells beside the text: margins and the scroll bar."""


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A control as a baseline demands it."""

    baseline: str
    control: Control


class BaselinesPage(ListPage[ControlRow]):
    """Screen 4."""

    PAGE = "baselines"
    NOTHING = "no baseline can be read here"

    def __init__(self) -> None:
        super().__init__()
        self._place = ""

    def load(self, scope: Scope) -> Sequence[ControlRow]:
        """Every control of every baseline."""
        del scope
        baselines = self.dashboard.services.baselines
        if baselines is None:
            return ()
        return [ControlRow(name, control) for name, merged in baselines() for control in merged.controls.values()]

    def compose_body(self) -> ComposeResult:
        """The controls, and the values of the one under the cursor."""
        yield from super().compose_body()
        with Reader(id="control", can_focus=False):
            yield Static("", id="control-text")

    def columns(self) -> tuple[str, ...]:
        """Where it stands."""
        check = ("check",) if self.size.width >= NARROW else ()
        return ("baseline", "sev", "control", *check, "set at")

    def row(self, value: ControlRow) -> ListRow[ControlRow]:
        """A control."""
        look, control = self.dashboard.look, value.control
        is_wide, place = self.size.width >= NARROW, control.location
        cells = (
            words.line(value.baseline, look.dim),
            words.severity(control.severity, look),
            words.line(control.id, look.strong),
            *((words.line(control.check, look.dim),) if is_wide else ()),
            words.line(str(place) if is_wide else f"{PurePath(place.file).name}:{place.line}", look.accent),
        )
        return ListRow(value, cells, f"{value.baseline} {control.id} {control.check} {control.location}")

    def highlighted(self, value: ControlRow | None) -> None:
        """Its values with the line that set each."""
        look, width = self.dashboard.look, self.size.width - _FRAME
        text = describe(value.control, look, width) if value is not None else Text("")
        self.query_one("#control-text", Static).update(text)

    def look_for(self, control: str, place: str) -> None:
        """Show only this control, the cursor on the one that is set at `place` (`file:line`), once it is loaded."""
        self._place = place
        self.narrow(control)

    def _fill(self) -> None:
        super()._fill()
        for number, row in enumerate(self._shown):
            if self._place and self._place == str(row.value.control.location):
                self.grid.move_cursor(row=number)

    def show(self, value: Sequence[ControlRow]) -> None:
        """Say why there is none."""
        super().show(value)
        if not value and self.dashboard.services.baselines is None:
            self.say(self.dashboard.services.why("baselines"))


def describe(control: Control, look: Look, width: int) -> Text:
    """Every value of a control, and where it was set; a value without a place of its own is the check's default.

    Where `width` cells do not hold a value and its place beside each other, the place stands below.
    """
    text = Text()
    text.append(f"{visible_line(control.id)}  ", look.strong).append(f"{visible_line(control.check)}\n", look.dim)
    if control.broken:
        text.append(f"cannot be decided: {visible_line(control.broken)}\n", look.unproven)
    values = dict(_flat("expect", control.expect.model_dump(mode="json"))) if control.expect is not None else {}
    places = dict(control.provenance)
    for path, value in values.items():
        place = next((places[part] for part in _upwards(path) if part in places), None)
        shown, set_at = visible_line(value), visible_line(str(place or "default of the check"))
        text.append(f"  {visible_line(path):<{_NAME}} ", look.dim)
        text.append_text(words.hanging(shown, width - _INDENT, _INDENT))
        taken = _INDENT + len(shown) + len(set_at)
        gap = next((gap for gap in (_VALUE - len(shown), 2) if gap > 1 and taken + gap <= width), 0)
        text.append(" " * gap if gap else "\n" + " " * _INDENT)
        text.append_text(words.hanging(set_at, width - _INDENT, _INDENT, look.accent if place else look.dim))
        text.append("\n")
    for standard, clauses in control.references.items():
        text.append(f"  {visible_line(standard):<{_NAME}} ", look.dim)
        text.append_text(words.hanging(", ".join(clauses), width - _INDENT, _INDENT, look.dim)).append("\n")
    return text


def _flat(path: str, value: object) -> Sequence[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [found for key, part in value.items() for found in _flat(f"{path}.{key}", part)]
    return [(path, str(value))]


def _upwards(path: str) -> Sequence[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
