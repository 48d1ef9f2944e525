"""The transcript entry behind a result, whole, with the lines marked that the result rests on."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from secaudit.model.answer import Answer, HostTranscript
from secaudit.model.errors import UserError
from secaudit.model.evidence import Evidence
from secaudit.model.result import Result
from secaudit.model.safe_text import visible_line
from secaudit.tui.source import Source

MAX_LINES = 2000
"""Lines of one answer that are shown; a result that rests on a later line is shown around that line."""

CONTEXT = 20
"""Lines shown before the first marked one when the answer is too long."""


class EvidenceScreen(Screen[None]):
    """All answers that a result points at."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "app.pop_screen", "Back")]

    def __init__(self, source: Source, result: Result, run: str, trail: tuple[str, ...]) -> None:
        super().__init__()
        self._source = source
        self._result = result
        self._run = run
        self._trail = (*trail, "evidence")

    def compose(self) -> ComposeResult:
        """Breadcrumb and text."""
        yield Static(Text(" ▸ ".join(visible_line(part) for part in self._trail)), id="trail")
        with VerticalScroll():
            yield Static("loading …", id="entries")
        yield Footer()

    def on_mount(self) -> None:
        """Start reading."""
        self._load()

    @work(thread=True, exclusive=True)
    def _load(self) -> None:
        try:
            transcript = self._source.transcript(self._run, self._result.customer, self._result.host)
            shown = entries(self._result, transcript)
        except UserError as error:
            shown = Text(visible_line(str(error)))
        self.app.call_from_thread(self.query_one("#entries", Static).update, shown)


def entries(result: Result, transcript: HostTranscript) -> Text:
    """Every answer that `result` points at, marked; says so when it points at none."""
    text = Text()
    answers = {answer.request.key: answer for answer in transcript.answers}
    for evidence in result.evidence:
        answer = answers.get(evidence.source)
        if answer is None:
            text.append(f"{visible_line(evidence.source)}: not in the transcript\n\n", "magenta")
        else:
            _entry(text, answer, evidence)
    if not result.evidence:
        text.append("This result points at no transcript entry.\n")
    return text


def _entry(text: Text, answer: Answer, evidence: Evidence) -> None:
    code = "none" if answer.exit is None else str(answer.exit)
    head = f"{answer.status.value}, exit {code}, {answer.started:%Y-%m-%d %H:%M:%S} UTC"
    text.append(f"$ {visible_line(answer.request.key)}\n", "bold")
    text.append(f"  {head}{', truncated' if answer.truncated else ''} {visible_line(answer.detail)}\n", "dim")
    lines = answer.lines
    first, last = evidence.lines or (0, -1)
    begin = max(0, first - CONTEXT) if len(lines) > MAX_LINES else 0
    for number, line in enumerate(lines[begin : begin + MAX_LINES], start=begin + 1):
        marked = first <= number <= last
        text.append(f"{'▶' if marked else ' '}{number:>5} {visible_line(line)}\n", "reverse" if marked else "")
    hidden = len(lines) - MAX_LINES
    if hidden > 0:
        text.append(f"  … {hidden} more lines\n", "dim")
    for line in answer.stderr.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        text.append(f"stderr  {visible_line(line)}\n", "magenta")
    text.append("\n")
