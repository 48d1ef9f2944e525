"""What came back: one answer per request, and the transcript of a host that holds them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from secaudit.model.evidence import Evidence
from secaudit.model.request import Request


class AnswerStatus(StrEnum):
    """How a request ended. Only `ENDED` carries output that may be read as an answer."""

    ENDED = "ended"
    DENIED = "denied"
    MISSING = "missing"
    TIMEOUT = "timeout"
    LOST = "lost"
    LIMIT = "limit"
    NOT_RECORDED = "not_recorded"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered (or unanswered) request.

    `started` is the scanner's clock (aware UTC) when it heard that the command began, `duration` what passed on the
    scanner until it heard the end. News are under way for a while, so the command may have begun earlier than
    `started`, but never before `asked`, when the scanner sent the question (None where that is not known). `exit` is
    None when the command did not end by itself. `truncated` says that stdout was cut at the request's limit. `detail`
    is the transport's explanation of a status other than `ENDED`, never host output.
    """

    request: Request
    status: AnswerStatus
    started: datetime
    duration: timedelta = timedelta()
    exit: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False
    detail: str = ""
    asked: datetime | None = None
    _lines: list[str] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        """stdout as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """stdout split at newlines only, so that line numbers are those an editor shows."""
        if self._lines is None:
            # Kept, because readers ask for the evidence of every line.
            text = self.text
            object.__setattr__(self, "_lines", text.removesuffix("\n").split("\n") if text else [])
        return self._lines or []

    def evidence(self, first: int | None = None, last: int | None = None) -> Evidence:
        """Point at this answer; `first` and `last` are 1-based line numbers of stdout, inclusive.

        Without lines the excerpt is the start of stdout, or of stderr when stdout is empty.
        """
        if first is None:
            shown = self.lines or self.stderr.decode("utf-8", "replace").splitlines()
            return Evidence.of(self.request.key, self.exit, None, shown)
        end = first if last is None else last
        return Evidence.of(self.request.key, self.exit, (first, end), self.lines[first - 1 : end])


class Reach(StrEnum):
    """How far the scan of a host got."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class HostTranscript:
    """Everything that was asked of one host in one run and what came back.

    `reach` and `detail` say whether the connection worked; an answer may still be denied or timed out in a complete
    transcript. `opened` and `closed` are the scanner's clock, aware UTC.
    """

    customer: str
    site: str
    host: str
    address: str
    opened: datetime
    closed: datetime
    reach: Reach
    detail: str
    answers: tuple[Answer, ...]
