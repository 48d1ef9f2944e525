"""The runs of the scope, and what changed from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from secaudit.model.result import Result
from secaudit.store.records import RunOverview
from secaudit.tui import words
from secaudit.tui.finding.evidence import TextScreen
from secaudit.tui.host.compare import describe, differences
from secaudit.tui.pages.list_page import ListPage, ListRow
from secaudit.tui.pages.page import NARROW
from secaudit.tui.scope import Scope
from secaudit.tui.source import Source
from secaudit.tui.themes import Look

SHOWN_RUNS = 200


class RunsPage(ListPage[RunOverview]):
    """Screen 5: Space marks a run, Enter compares the run under the cursor with it, or with the whole scan before."""

    PAGE = "runs"
    NOTHING = "no run yet: start one with `secaudit scan …`"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", tooltip="Mark a run to compare with"),
        Binding("p", "pending", "not scanned", tooltip="Hosts that the run planned and has not scanned"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._marked: str | None = None

    def load(self, scope: Scope) -> Sequence[RunOverview]:
        """Newest first."""
        return self.dashboard.source.runs(scope.customer, SHOWN_RUNS)

    def columns(self) -> tuple[str, ...]:
        """When, how long, how many."""
        baselines = ("baselines",) if self.size.width >= NARROW else ()
        return (" ", "started (UTC)", "took", "hosts", "state", *baselines, "run")

    def row(self, value: RunOverview) -> ListRow[RunOverview]:
        """A run."""
        look, run = self.dashboard.look, value.run
        took = words.took(run.finished - run.started) if run.finished else ""
        short = value.complete < value.planned
        if run.finished is None or value.recorded < value.planned:
            state = ("unfinished", look.unproven)
        else:
            state = ("not complete", look.unproven) if short else ("finished", look.good)
        names = ", ".join(f"{stamp.name} {stamp.version}" for stamp in run.baselines)
        cells = (
            Text("▪" if run.id == self._marked else " ", look.accent),
            Text(f"{run.started:%Y-%m-%d %H:%M}"),
            Text(took, look.dim),
            Text(f"{value.complete}/{value.planned}", look.unproven if short else ""),
            Text.assemble(state, (words.partial_run(run), look.dim)),
            *((words.line(names, look.dim),) if self.size.width >= NARROW else ()),
            words.line(run.id, look.dim),
        )
        return ListRow(value, cells, f"{run.id} {names} {run.started:%Y-%m-%d}")

    def remark(self) -> str:
        """What Enter does."""
        return "enter compares with the marked run, or the whole scan before"

    def action_mark(self) -> None:
        """Mark the run that others are compared with."""
        if self.current is not None:
            self._marked = None if self.current.run.id == self._marked else self.current.run.id
            self.repaint()

    def action_pending(self) -> None:
        """The hosts that the run did not scan."""
        if self.current is None:
            return
        run, source = self.current.run.id, self.dashboard.source

        def text(look: Look, _width: int) -> Text:
            names = source.pending(run)
            shown = Text(f"{len(names)} hosts were planned and are not stored\n\n", look.strong)
            for name in names:
                shown.append_text(words.line(f"{name.customer} ▸ {name.host}")).append("\n")
            return shown

        self.app.push_screen(TextScreen((*self.trail(), run, "not scanned"), text))

    def open_value(self, value: RunOverview, column: str) -> None:
        """Compare with the marked run, or with the whole scan before it."""
        del column
        runs = [row.value.run for row in self._shown]
        place = next(number for number, run in enumerate(runs) if run.id == value.run.id)
        earlier = self._marked if self._marked not in (None, value.run.id) else None
        if earlier is None:
            earlier = next((run.id for run in runs[place + 1 :] if run.is_whole), None)
        if earlier is None:
            self.dashboard.tell("there is no earlier whole scan to compare with")
            return
        old, new = sorted((earlier, value.run.id), key=lambda one: next(run.started for run in runs if run.id == one))
        source, scope = self.dashboard.source, self.dashboard.scope
        self.app.push_screen(
            TextScreen((*self.trail(), "compared"), lambda look, _width: compare_runs(source, old, new, scope, look))
        )


def compare_runs(source: Source, old: str, new: str, scope: Scope, look: Look) -> Text:
    """What changed on the hosts that both runs scanned, and which hosts only one of them did.

    Where one of them judged some controls only, the others are left out: nobody looked whether they changed.
    """
    before, after = source.report(old), source.report(new)
    judged = [
        {(one.customer, one.host, one.control) for one in report.results}
        for report in (before, after)
        if report.run.narrow
    ]
    scanned = [{(host.customer, host.host) for host in report.hosts} for report in (before, after)]
    both = scanned[0] & scanned[1]

    def chosen(results: Sequence[Result]) -> list[Result]:
        return [
            one
            for one in results
            if (one.customer, one.host) in both
            and all((one.customer, one.host, one.control) in some for some in judged)
            and scope.customer in (None, one.customer)
            and scope.host in (None, one.host)
        ]

    names = {host.customer: host.customer_name for report in (before, after) for host in report.hosts}
    names = {customer: name or customer for customer, name in names.items()}
    found = differences(chosen(before.results), chosen(after.results))
    text = describe(f"{old} → {new}", found, look, names=names)
    for name, hosts in (("older", scanned[0] - both), ("newer", scanned[1] - both)):
        mine = sorted((customer, host) for customer, host in hosts if scope.customer in (None, customer))
        text.append(f"\nOnly in the {name} run ({len(mine)})\n" if mine else "", look.strong)
        for customer, host in mine:
            text.append_text(words.line(f"{names[customer]} ▸ {host}", look.unproven)).append("\n")
    return text
