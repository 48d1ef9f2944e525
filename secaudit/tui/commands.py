"""The command palette: every key that works now, the screens, themes and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from secaudit.tui.findings.page import FindingsPage
from secaudit.tui.findings.row_paint import OPTIONAL
from secaudit.tui.pages.page import PAGES
from secaudit.tui.themes import LOOKS

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard


class DashboardCommands(Provider):
    """Offers what can be done on the screen that the palette was called from."""

    async def discover(self) -> Hits:
        """Everything, before a letter was typed."""
        for name, call in self._commands():
            yield DiscoveryHit(name, call)

    async def search(self, query: str) -> Hits:
        """What resembles the query."""
        matcher = self.matcher(query)
        for name, call in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), call)

    def _commands(self) -> Iterator[tuple[str, Callable[[], object]]]:
        dashboard = cast("Dashboard", self.app)
        seen = set()
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            name = f"{binding.description[:1].upper()}{binding.description[1:]}"
            if enabled and name and binding.action not in seen and binding.action != "command_palette":
                seen.add(binding.action)
                yield name, partial(dashboard.run_action, binding.action, default_namespace=node)
        for page in PAGES:
            yield f"Screen: {page}", partial(dashboard.go, dashboard.scope, page)
        for theme in LOOKS:
            yield f"Theme: {theme}", partial(setattr, dashboard, "theme", theme)
        if isinstance(self.screen, FindingsPage):
            for column in OPTIONAL:
                yield f"Column on or off: {column}", partial(self.screen.toggle_column, column)
