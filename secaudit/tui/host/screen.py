"""One host: what its newest scan found, what was asked of it, its scans, and what its facts are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static, Tab, TabbedContent, TabPane, Tabs

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript
from secaudit.model.errors import UserError
from secaudit.model.outcome import Outcome
from secaudit.model.panel import TitledPanel
from secaudit.model.result import Result
from secaudit.model.safe_text import visible, visible_line
from secaudit.store.listing import ScanOfHost
from secaudit.tui import words
from secaudit.tui.dialogs import Choose
from secaudit.tui.finding.detail import Detail, Finding
from secaudit.tui.finding.evidence import Reader, TextScreen, entry
from secaudit.tui.finding.screen import DetailScreen, FindingScreen
from secaudit.tui.host.beside import Side, beside, side_of
from secaudit.tui.host.compare import BETWEEN_HOSTS, between_hosts, describe, differences
from secaudit.tui.host.panels import PanelView
from secaudit.tui.pages.list_page import Grid
from secaudit.tui.scope import Scope
from secaudit.tui.services import Target
from secaudit.tui.themes import Look

MOST_LINES = 500
"""Lines of one fact that are shown."""

_RANK = {Outcome.FAILED: 0, Outcome.UNPROVEN: 1, Outcome.PASSED: 2, Outcome.NOT_APPLICABLE: 3}


@dataclass(frozen=True, slots=True)
class HostState:
    """What the store has of a host; `transcript` is that of the newest scan."""

    results: tuple[Result, ...]
    scans: tuple[ScanOfHost, ...]
    transcript: HostTranscript | None
    tags: tuple[str, ...]
    facts: Text
    trouble: str


class HostScreen(FindingScreen):
    """Four tabs and one for each panel of a family; Tab and Shift-Tab go from one to the next.

    What can be done with a finding is done with the result under the cursor.
    """

    PAGE = "hosts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "next tab", priority=True),
        Binding("shift+tab", "turn(-1)", "Previous tab", show=False, priority=True),
        Binding("f", "findings", "findings", tooltip="The open findings of this host"),
        Binding("v", "compare", "compare", tooltip="What the newest scan changed"),
        Binding("c", "compare_host", "other host", tooltip="What differs from another host"),
        Binding("slash", "ask", "ask", tooltip="Ask the firewall about a packet"),
    ]

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope
        self._state: HostState | None = None
        self._results: list[Result] = []
        self._drawn: tuple[object, ...] = ()

    def trail(self) -> tuple[str, ...]:
        """As far as the host."""
        return ("Hosts", *self._scope.trail)

    @property
    def detail(self) -> Detail | None:
        """The result under the cursor, while the results are in front; history and events are not read."""
        state = self._state
        if state is None or not state.scans or self.query_one(TabbedContent).active != "results":
            return None
        place = self.query_one("#results-grid", Grid).cursor_row
        if not 0 <= place < len(self._results):
            return None
        result = self._results[place]
        return Detail(self._finding(result, state), result, transcript=state.transcript)

    def _finding(self, result: Result, state: HostState) -> Finding:
        return Finding(
            result.fingerprint, result.customer, result.host, result.control, result.subject, state.scans[0].run,
            self._scope.name or result.customer,
        )  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Off where no result is in front; the way to this host leads nowhere."""
        about_one = ("evidence", "docs", "baseline", "copy", "acknowledge", "waive", "ticket", "pause", "note")
        if action == "host":
            return False
        if action in about_one or (action == "recheck" and parameters == (False,)):
            return self.is_ready and self.detail is not None
        return super().check_action(action, parameters)

    def compose_body(self) -> ComposeResult:
        """The tabs."""
        yield Static("", id="host-head")
        with TabbedContent(id="tabs"):
            with TabPane("Results", id="results"):
                yield Grid(cursor_type="row", cell_padding=0, id="results-grid")
            with TabPane("Facts", id="facts"), Reader():
                yield Static("", id="facts-text")
            with TabPane("Answers", id="answers"):
                yield Grid(cursor_type="row", cell_padding=0, id="answers-grid")
            with TabPane("Scans", id="scans"):
                yield Grid(cursor_type="row", cell_padding=0, id="scans-grid")

    def on_mount(self) -> None:
        """Start to read."""
        super().on_mount()
        self.query_one(Tabs).can_focus = False
        self.set_focus(self.query_one("#results-grid"))
        self.reload()

    def on_descendant_focus(self) -> None:
        """Other keys work now."""
        self.paint_frame()

    def reload(self) -> None:
        """Read again."""
        self._load(self.dashboard.look)

    @work(thread=True, exclusive=True)
    def _load(self, look: Look) -> None:
        source, customer, host = self.dashboard.source, self._scope.customer or "", self._scope.host or ""
        try:
            results = source.host_results(customer, host)
            scans = source.scans_of(customer, host)
            tags = next((one.record.tags for one in source.hosts(customer) if one.record.host == host), ())
        except UserError as error:
            self.app.call_from_thread(self.say, str(error))
            return
        transcript, trouble = None, ""
        try:
            transcript = source.transcript(scans[0].run, customer, host) if scans else None
        except UserError as error:
            trouble = str(error)
        facts = self._facts(transcript, look)
        self.app.call_from_thread(self._show, HostState(results, scans, transcript, tags, facts, trouble))

    def _facts(self, transcript: HostTranscript | None, look: Look) -> Text:
        facts = self.dashboard.services.facts
        if transcript is None:
            return Text("the store holds no transcript of this host", look.unproven)
        if facts is None:
            return Text(self.dashboard.services.why("facts"), look.dim)
        text = Text()
        for sheet in facts(transcript):
            text.append(f"{visible_line(sheet.title)}\n", look.strong)
            text.append(f"{visible(sheet.trouble)}\n" if sheet.trouble else "", look.unproven)
            for line in sheet.lines[:MOST_LINES]:
                text.append(f"  {visible_line(line)}\n")
            left = len(sheet.lines) - MOST_LINES
            text.append(f"  … {left:,} more; the recorded answers have them all\n" if left > 0 else "", look.dim)
            text.append("\n")
        return text or Text("nothing that was recorded of this host can be read as a fact", look.dim)

    def _show(self, state: HostState) -> None:
        if not self.is_ready:
            return
        self._state = state
        look = self.dashboard.look
        self.say(state.trouble)
        self._results = sorted(
            state.results,
            key=lambda one: (_RANK[one.outcome], -one.severity.rank, one.family, one.control, one.subject),
        )
        self.query_one("#host-head", Static).update(_head(state, look))
        self.query_one("#results-grid", Grid).put(("sev", " ", "family", "control", "subject", "reason"), [
            (
                words.severity(one.severity, look) if one.outcome is Outcome.FAILED else Text(""),
                Text(*words.glyph(one.outcome, one.waiver is not None, look)),
                words.line(one.family, look.dim), words.line(one.control), words.line(one.subject),
                words.line(one.reason or one.title, look.dim),
            )
            for one in self._results
        ])  # fmt: skip
        self.query_one("#answers-grid", Grid).put(("status", "exit", "lines", "took", "asked"), [
            (
                Text(one.status.value, "" if one.status is AnswerStatus.ENDED else look.unproven),
                Text("" if one.exit is None else str(one.exit)),
                Text(f"{len(one.lines)}{'+' if one.truncated else ''}"),
                Text(f"{one.duration.total_seconds():.2f}s", look.dim),
                words.line(one.request.key),
            )
            for one in self._answers
        ])  # fmt: skip
        self.query_one("#scans-grid", Grid).put(("scanned (UTC)", "how far", "run", "remark"), [
            (
                Text(f"{one.at:%Y-%m-%d %H:%M}"), words.reach(one.status, look), words.line(one.run, look.dim),
                words.line(one.detail, look.dim),
            )
            for one in state.scans
        ])  # fmt: skip
        self.query_one("#facts-text", Static).update(state.facts)
        known = (state.scans[:1], state.results, look)
        if state.transcript is not None and known != self._drawn:
            self._drawn = known
            self._load_panels(state.transcript, state.results, look)
        self.paint_frame()

    @work(thread=True, exclusive=True, group="panels")
    def _load_panels(self, transcript: HostTranscript, results: tuple[Result, ...], look: Look) -> None:
        make = self.dashboard.services.panels
        if make is None:
            return
        try:
            panels = make(transcript, results)
        except UserError as error:
            self.app.call_from_thread(self.say, str(error))
            return
        self.app.call_from_thread(self._put_panels, panels, look)

    def _put_panels(self, panels: Sequence[TitledPanel], look: Look) -> None:
        self.run_worker(self._show_panels(panels, look), exclusive=True, group="tabs")

    async def _show_panels(self, panels: Sequence[TitledPanel], look: Look) -> None:
        """In place of the ones that were there; the tab in front stays in front."""
        if not self.is_ready:
            return
        tabs = self.query_one(TabbedContent)
        before = tabs.active
        for pane in self.query(".family"):
            await tabs.remove_pane(pane.id or "")
        for number, one in enumerate(panels):
            view = PanelView(one.panel, look)
            pane = TabPane(Content(visible_line(one.title)), view, id=f"panel-{number}", classes="family")
            await tabs.add_pane(pane, before="facts")
        if before in {pane.id for pane in self.query(TabPane)} and tabs.active != before:
            tabs.active = before

    def action_ask(self) -> None:
        """Ask the panel in front, else bring the one that takes questions to the front."""
        tabs = self.query_one(TabbedContent)
        views = self.query_one(f"#{tabs.active}").query(PanelView)
        if views and views.first().ask():
            return
        asked = next((view for view in self.query(PanelView) if view.takes_questions), None)
        if asked is None or asked.parent is None:
            self.dashboard.tell("here is nothing to ask; a firewall that was read takes a packet")
            return
        tabs.active = asked.parent.id or tabs.active
        self.call_after_refresh(asked.ask)

    @property
    def _answers(self) -> Sequence[Answer]:
        return self._state.transcript.answers if self._state and self._state.transcript else ()

    def on_data_table_row_selected(self, event: Grid.RowSelected) -> None:
        """A result, an answer in full, or what a scan changed."""
        place, state = event.cursor_row, self._state
        if state is None:
            return
        if event.data_table.id == "results-grid":
            one = self._results[place]
            self.app.push_screen(DetailScreen(self._finding(one, state)))
        elif event.data_table.id == "answers-grid":
            answer = self._answers[place]
            self.app.push_screen(
                TextScreen((*self.trail(), "answer"), lambda look, width: entry(answer, None, look, width))
            )
        else:
            self._compare(place)

    def action_turn(self, by: int) -> None:
        """Another tab."""
        tabs = self.query_one(TabbedContent)
        # In the order of the tabs: what was added later comes last among the panes.
        order = {tab.id: place for place, tab in enumerate(self.query_one(Tabs).query(Tab))}
        panes = sorted((pane.id or "" for pane in self.query(TabPane)), key=lambda pane: order[tabs.get_tab(pane).id])
        tabs.active = panes[(panes.index(tabs.active) + by) % len(panes)]
        self.set_focus(self.query_one(f"#{tabs.active}").query("Grid, Reader").first(), scroll_visible=False)
        self.refresh_bindings()

    def action_findings(self) -> None:
        """The open findings of the host."""
        self.dashboard.show_findings(None, self._scope)

    def action_recheck(self, whole_host: bool) -> None:
        """Check the host again, or the control of the result in front."""
        if whole_host:
            self.dashboard.jobs.recheck([Target(self._scope.customer or "", self._scope.host or "")])
        else:
            super().action_recheck(whole_host)

    def action_compare(self) -> None:
        """What the newest scan changed."""
        self._compare(0)

    @work(group="talk")
    async def action_compare_host(self) -> None:
        """What is wrong here and not on another host, and the other way round."""
        source, customer, host = self.dashboard.source, self._scope.customer or "", self._scope.host or ""
        try:
            known = await asyncio.to_thread(source.hosts)
        except UserError as error:
            self.say(str(error))
            return
        this = next((one for one in known if (one.record.customer, one.record.host) == (customer, host)), None)
        # Those of the same customer first.
        others = sorted(
            (one for one in known if one is not this),
            key=lambda one: (one.record.customer != customer, one.record.customer, one.record.host),
        )
        if not others or this is None:
            self.dashboard.tell("there is no other host to compare with")
            return
        options = [
            (str(place), f"{one.record.customer_name or one.record.customer} ▸ {one.record.host}")
            for place, one in enumerate(others)
        ]
        chosen = await self.app.push_screen_wait(Choose("Compare with", options))
        if chosen is None:
            return
        other = others[int(chosen)]
        sides = self._sides((other.record.customer, other.record.host, other.run), (customer, host, this.run))
        names = (other.record.host, host)

        def text(look: Look, width: int) -> Text:
            there, here = sides()
            found = between_hosts(there.results, here.results)
            title = f"{host} beside {other.record.host}"
            return describe(title, found, look, BETWEEN_HOSTS) + beside(there, here, names, look, width)

        self.app.push_screen(TextScreen((*self.trail(), f"beside {other.record.host}"), text))

    def _compare(self, place: int) -> None:
        scans = self._state.scans if self._state else ()
        if place + 1 >= len(scans):
            self.dashboard.tell("there is no earlier scan to compare with")
            return
        new, old = scans[place], scans[place + 1]
        customer, host = self._scope.customer or "", self._scope.host or ""
        sides = self._sides((customer, host, old.run), (customer, host, new.run))

        def text(look: Look, width: int) -> Text:
            before, after = sides()
            title = f"{old.at:%Y-%m-%d %H:%M} → {new.at:%Y-%m-%d %H:%M}"
            found = describe(title, differences(before.results, after.results), look)
            return found + beside(before, after, ("before", "now"), look, width)

        self.app.push_screen(TextScreen((*self.trail(), "compared"), text))

    def _sides(self, *wanted: tuple[str, str, str]) -> Callable[[], tuple[Side, ...]]:
        """What reads hosts (customer, name) as runs saw them, once: a new width or theme needs no new reading."""
        source, services = self.dashboard.source, self.dashboard.services
        return cache(lambda: tuple(side_of(source, services, *one) for one in wanted))


def _head(state: HostState, look: Look) -> Text:
    transcript = state.transcript
    if transcript is None or not state.scans:
        return Text("never scanned", look.unproven)
    scan = state.scans[0]
    text = Text(" ", no_wrap=True, overflow="ellipsis")
    text.append(f"{visible_line(transcript.address)}  site {visible_line(transcript.site)}  ")
    text.append(f"tags {visible_line(', '.join(state.tags))}  " if state.tags else "", look.dim)
    text.append_text(words.reach(scan.status, look)).append(f"  scanned {scan.at:%Y-%m-%d %H:%M} UTC  ", look.dim)
    return text.append(visible_line(scan.detail), look.unproven)
