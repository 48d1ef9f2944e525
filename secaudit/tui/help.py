"""The help, made from the bindings that are in force, so that it cannot say otherwise than the keys do."""

from __future__ import annotations

from rich.text import Text
from textual.app import App
from textual.screen import Screen

from secaudit.tui.themes import Look

UNSAID = frozenset({"copy_text", "page_left", "page_right"})
"""What the toolkit binds and nobody needs to be told."""

_MOVES = frozenset({"move", "edge", "leap", "out", "turn", "focus_next", "focus_previous", "page_down", "page_up"})
_MOVERS = ("cursor_", "scroll_")

_CELLS = (
    ("✗ ? ✓ ~ ·", "failed, unproven, passed, waived, not applicable"),
    ("C 3  C 3?", "three failed, the worst critical; ?: others could not be proven"),
    ("? 4", "nothing failed, four could not be proven"),
    ("2h05  -3d", "time left until it is due; overdue since"),
    ("10/12", "hosts that were scanned to the end, of how many"),
)

_FILTER = (
    ("sev:high+", "high and worse; sev:low,info is one of these"),
    ("host:web*", "also family customer site control check subject package outcome owner tag"),
    ("due<2d  age>30d", "time left, time since it opened: m h d w"),
    ("new overdue unproven waived", "what they say; new: within a day"),
    ("acked paused fixed", "what people did; fixed: resolved in the last 30 days"),
    ("-word", "not; words are looked for in host, control, subject, title, reason, customer"),
)


def describe(app: App[None], screen: Screen[object], look: Look) -> Text:
    """Every key that works now: those of the screen, those that move, those that work everywhere; and the filter."""
    sections: dict[str, dict[str, list[str]]] = {"On this screen": {}, "To move": {}, "Everywhere": {}}
    for node, binding, enabled, _ in screen.active_bindings.values():
        action = binding.action.partition("(")[0].rpartition(".")[2]
        if not enabled or not binding.description or action in UNSAID:
            continue
        moves = action in _MOVES or action.startswith(_MOVERS)
        name = "To move" if moves else "Everywhere" if node is app else "On this screen"
        said = binding.tooltip or binding.description
        description = f"{said[0].upper()}{said[1:]}"
        sections[name].setdefault(description, []).append(app.get_key_display(binding))
    text = Text()
    for name, keys_of in sections.items():
        text.append(f"{name}\n\n", look.strong)
        for description, keys in keys_of.items():
            text.append(f"  {' '.join(dict.fromkeys(keys)):<18}", look.accent).append(f"{description}\n")
        text.append("\n")
    text.append("What stands in a cell\n\n", look.strong)
    for shown, meaning in _CELLS:
        text.append(f"  {shown:<18}", look.accent).append(f"{meaning}\n")
    text.append("\nThe filter of the findings\n\n", look.strong)
    for shown, meaning in _FILTER:
        text.append(f"  {shown:<36}", look.accent).append(f"{meaning}\n")
    return text
