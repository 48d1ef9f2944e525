"""Hosts that exist only in memory: scripted answers, scripted trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.request import PortScan, Request
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo
from secaudit.transport.interface import Received, Session, TooMuch, Unreachable, unlimited

MOMENT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def ended(request: Request, stdout: str = "", exit: int = 0, stderr: str = "") -> Answer:
    """A command that ran to its end."""
    return Answer(request, AnswerStatus.ENDED, MOMENT, exit=exit, stdout=stdout.encode(), stderr=stderr.encode())


@dataclass
class FakeSession:
    """Answers from a table keyed by the request's key; what is not in it is missing."""

    texts: Mapping[str, str]
    hold: threading.Event | None = None
    closed: bool = False
    on_close: Callable[[], None] = lambda: None

    def ask(
        self,
        requests: Sequence[Request],
        deadline: float,
        started: Callable[[Request], None] | None = None,
        received: Received = unlimited,
    ) -> Iterator[Answer]:
        for request in requests:
            try:
                received(len(self.texts.get(request.key, "")))
            except TooMuch as error:
                yield Answer(request, AnswerStatus.LIMIT, MOMENT, detail=str(error))
                continue
            if started:
                started(request)
            if self.hold is not None:
                while not self.closed and not self.hold.is_set() and time.monotonic() < deadline:
                    self.hold.wait(0.005)
            if self.closed:
                yield Answer(request, AnswerStatus.LOST, MOMENT, detail="the session was closed")
            elif self.hold is not None and not self.hold.is_set():
                yield Answer(request, AnswerStatus.TIMEOUT, MOMENT, detail="the host used up its time")
            elif request.key in self.texts:
                yield ended(request, self.texts[request.key])
            else:
                yield Answer(request, AnswerStatus.MISSING, MOMENT, detail="not found")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.on_close()


@dataclass
class FakeTransport:
    """Opens sessions by host name; a string instead of a session is the reason why the host is unreachable."""

    sessions: Mapping[str, FakeSession | str]
    open_now: int = 0
    most_open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, host: Host, deadline: float) -> Session:
        session = self.sessions[host.name]
        if isinstance(session, str):
            raise Unreachable(session)
        session.on_close = self._closed
        with self._lock:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
        return session

    def _closed(self) -> None:
        with self._lock:
            self.open_now -= 1


class NoProber:
    """A scanner without nmap."""

    def scan(self, host: Host, request: PortScan, deadline: float) -> Answer:
        return Answer(request, AnswerStatus.MISSING, MOMENT, detail="nmap is not installed")

    def close(self) -> None:
        pass


@dataclass
class Memory:
    """A recorder that keeps everything and can be told to fail."""

    seen: Mapping[str, datetime] = field(default_factory=dict)
    fail_at: str = ""
    calls: list[str] = field(default_factory=list)
    results: dict[str, tuple[Result, ...]] = field(default_factory=dict)
    hosts: dict[str, HostRecord] = field(default_factory=dict)
    transcripts: dict[str, HostTranscript] = field(default_factory=dict)

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        return self.seen

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        self.calls.append("begin")

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        if host.host == self.fail_at:
            raise OSError("no space left")
        self.calls.append(host.host)
        self.hosts[host.host] = host
        self.results[host.host] = tuple(results)
        self.transcripts[host.host] = transcript

    def finish(self, run: RunInfo) -> None:
        self.calls.append("finish" if run.finished else "finish early")
