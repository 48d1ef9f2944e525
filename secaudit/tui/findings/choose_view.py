"""Choosing a view among those that everybody has and the saved ones, which can be removed; and saving one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from secaudit.model.safe_text import visible, visible_line
from secaudit.tui.dialogs import Ask, Choose, Confirm
from secaudit.tui.findings.views import BUILT_IN, View, Views, ViewsError

if TYPE_CHECKING:
    from secaudit.tui.app import Dashboard

_NAME = 30


class ChooseView(Choose):
    """Answers the name of a view, or `LAST`."""

    LAST = "'"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("apostrophe", "last", "The last view", show=False),
        Binding("D,delete", "remove", "Remove a saved view", show=False),
    ]

    def __init__(self, views: Views) -> None:
        """Those that can be read; why the others cannot is told by whoever asks for them."""
        self._views = views
        try:
            self._known = views.all()
        except ViewsError:
            self._known = BUILT_IN
        super().__init__("View (' again: the last one · D: remove)", _options(self._known))

    def action_last(self) -> None:
        """The one of before."""
        self.dismiss(self.LAST)

    def action_remove(self) -> None:
        """Remove the saved view under the cursor after a yes; `u` brings it back."""
        place = self.query_one(OptionList).highlighted
        name = self._options[place][0] if place is not None else ""
        dashboard = cast("Dashboard", self.app)
        try:
            view = self._views.saved().get(name)
        except ViewsError as error:
            dashboard.complain(error)
            return
        if view is None:
            dashboard.tell(f"{name} comes with the program")
            return

        def answered(sure: bool | None) -> None:
            if sure and _done(dashboard, lambda: self._views.remove(name)):
                dashboard.remember(f"the removal of {name}", lambda: self._views.save(name, view))
                self._fill()

        dashboard.push_screen(Confirm(f"Remove the view {visible_line(name)}?", visible_line(str(view))), answered)

    def _fill(self) -> None:
        self._known = self._views.all()
        self._options = _options(self._known)
        shown = self.query_one(OptionList)
        shown.clear_options()
        shown.add_options([Option(Text(visible_line(text))) for _, text in self._options])
        shown.highlighted = 0

    def view(self, name: str) -> View:
        """One of those that were shown."""
        return self._known[name]


def _options(views: Mapping[str, View]) -> list[tuple[str, str]]:
    return [(name, f"{name:<{_NAME}} {view}") for name, view in views.items()]


def _done(dashboard: Dashboard, step: Callable[[], None]) -> bool:
    """Do it, or say why it cannot be done."""
    try:
        step()
    except ViewsError as error:
        dashboard.complain(error)
        return False
    return True


async def save_view(view: View, dashboard: Dashboard) -> None:
    """Ask for a name and keep a view under it, in place of another one after a yes; `u` brings that back."""
    views = dashboard.views
    try:
        known = views.saved()
        name = await dashboard.push_screen_wait(Ask("Save this view as"))
        if not name:
            return
        before = known.get(name)
        if before is not None and before != view:
            question = f"Replace the view {visible_line(name)}?"
            if not await dashboard.push_screen_wait(Confirm(question, visible(f"{before}\n→ {view}"))):
                return
        views.save(name, view)
    except ViewsError as error:
        dashboard.complain(error)
        return
    dashboard.remember(f"the view {name}", lambda: views.save(name, before) if before else views.remove(name))
    dashboard.tell(f"saved as {name}; ' shows it")
