"""Four themes, and what each says in a table: colours carry nothing that a word or a glyph does not say as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class Look:
    """Rich styles by meaning. Red is for critical and overdue only, violet for unproven, green for proven."""

    critical: str
    high: str
    medium: str
    low: str
    unproven: str
    good: str
    accent: str
    dim: str
    strong: str
    row: str
    """Background of a row."""
    cursor: str
    """Background of the row under the cursor."""
    bar: str
    """Background of the filter line and of marked lines."""


_DARK = Look(
    critical="bold #ff6b6b",
    high="bold #ff9e4f",
    medium="#e8c547",
    low="#6fa8ff",
    unproven="bold #c792ea",
    good="#6fcf7f",
    accent="#5ec9b5",
    dim="#8793a1",
    strong="bold #e6edf3",
    row="#d0d7de on #0f141a",
    cursor="on #24425c",
    bar="on #19222c",
)
_LIGHT = Look(
    critical="bold #b3261e",
    high="bold #9a4a00",
    medium="#755b00",
    low="#1f5fb8",
    unproven="bold #7a2fa8",
    good="#19692c",
    accent="#00695c",
    dim="#5a6570",
    strong="bold #10161c",
    row="#1f2933 on #fbfcfd",
    cursor="on #cfe3f5",
    bar="on #eaeff3",
)
_CONTRAST = Look(
    critical="bold #ff8080",
    high="bold #ffb066",
    medium="bold #ffff66",
    low="bold #9cc4ff",
    unproven="bold #e5b3ff",
    good="bold #80ff80",
    accent="bold #00ffff",
    dim="#e0e0e0",
    strong="bold #ffffff",
    row="#ffffff on #000000",
    cursor="bold on #0000a0",
    bar="on #303030",
)
_MONO = Look(
    critical="bold underline",
    high="bold",
    medium="",
    low="",
    unproven="italic",
    good="",
    accent="bold",
    dim="#a0a0a0",
    strong="bold #ffffff",
    row="#d0d0d0 on #101010",
    cursor="reverse",
    bar="on #303030",
)

LOOKS = {"dark": _DARK, "light": _LIGHT, "high-contrast": _CONTRAST, "mono": _MONO}
"""By the name of the theme."""


def themes() -> tuple[Theme, ...]:
    """The themes as Textual knows them."""
    return (
        _theme("dark", True, _Ground("#0f141a", "#d0d7de", "#19222c", "#5ec9b5", "#8793a1", "#24425c")),
        _theme("light", False, _Ground("#fbfcfd", "#1f2933", "#eaeff3", "#00695c", "#5a6570", "#cfe3f5")),
        _theme("high-contrast", True, _Ground("#000000", "#ffffff", "#303030", "#00ffff", "#e0e0e0", "#0000a0")),
        _theme("mono", True, _Ground("#101010", "#d0d0d0", "#303030", "#ffffff", "#a0a0a0", "#606060")),
    )


class _Ground(NamedTuple):
    """The colours of what is not text of a table."""

    ground: str
    text: str
    panel: str
    accent: str
    faint: str
    cursor: str


def _theme(name: str, dark: bool, colours: _Ground) -> Theme:
    return Theme(
        name=name,
        primary=colours.accent,
        secondary=colours.faint,
        accent=colours.accent,
        foreground=colours.text,
        background=colours.ground,
        surface=colours.ground,
        panel=colours.panel,
        boost=colours.panel,
        dark=dark,
        variables={"row-cursor": colours.cursor},
    )
