"""The help, made from the bindings that are in force, so that it cannot say otherwise than the keys do."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.app import App
from textual.binding import ActiveBinding

from secaudit.tui.themes import Look

_FILTER = (
    ("sev:high+", "high and worse; sev:low,info is one of these"),
    ("host:web*", "also family customer site control check subject outcome"),
    ("due<2d  age>30d", "time left, time since it opened: m h d w"),
    ("new overdue unproven waived fixed", "what they say; new: within a day; fixed: in the last 30 days"),
    ("-word", "not; words are looked for in host, control, subject, title, reason, customer"),
)


def describe(app: App[None], bindings: Iterable[ActiveBinding], look: Look) -> Text:
    """Every key that works now, and the filter language."""
    text = Text("Keys on this screen\n\n", look.strong)
    by_action: dict[tuple[str, str], list[str]] = {}
    for _, binding, enabled, _ in bindings:
        if enabled and binding.description:
            by_action.setdefault((binding.action, binding.description), []).append(app.get_key_display(binding))
    for (_, description), keys in by_action.items():
        text.append(f"  {' '.join(dict.fromkeys(keys)):<18}", look.accent)
        text.append(f"{description[0].upper()}{description[1:]}\n")
    text.append("\nThe filter of the findings\n\n", look.strong)
    for shown, meaning in _FILTER:
        text.append(f"  {shown:<36}", look.accent).append(f"{meaning}\n")
    return text
