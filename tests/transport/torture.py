"""Commands that do everything to break the framing, and what must be answered all the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.request import Command
from secaudit.transport.interface import Session

ENDED, TIMEOUT, MISSING, LOST = AnswerStatus.ENDED, AnswerStatus.TIMEOUT, AnswerStatus.MISSING, AnswerStatus.LOST


@dataclass(frozen=True, slots=True)
class Case:
    """A shell snippet, run as `sh -c`, and its answer."""

    name: str
    script: str
    stdout: bytes = b""
    exit: int | None = 0
    status: AnswerStatus = ENDED
    stderr: bytes = b""
    truncated: bool = False
    limit: int = 100_000
    timeout: float = 30

    @property
    def command(self) -> Command:
        """The request."""
        return Command(("sh", "-c", self.script), timeout=timedelta(seconds=self.timeout), limit=self.limit)


CASES = (
    Case("plain", "echo one; echo two", b"one\ntwo\n"),
    Case("nothing", ":"),
    Case("no final newline", "printf abc", b"abc"),
    Case("only newlines", r"printf '\n\n\n'", b"\n\n\n"),
    Case("NUL", r"printf 'a\0b\0'", b"a\0b\0"),
    Case("not UTF-8", r"printf '\377\376\200'", b"\xff\xfe\x80"),
    Case(
        "all bytes", 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done', bytes(range(256))
    ),
    Case("the marks", "echo ':exit 0::stderr::end 6::done:'; exit 9", b":exit 0::stderr::end 6::done:\n", 9),
    Case("the marks on stderr", "echo ':end 7::done:' >&2; exit 1", exit=1, stderr=b":end 7::done:\n"),
    Case("both streams", "echo out; echo err >&2; exit 3", b"out\n", 3, stderr=b"err\n"),
    Case("bytes on stderr", r"printf '\201\210\377x\n' >&2", stderr=b"\x81\x88\xffx\n"),
    Case("the other descriptors", "exec 2>/dev/null; (echo :done: >&3); (echo :done: >&4); echo alive", b"alive\n"),
    Case("closed stdout", "echo before; exec >&-; exit 5", b"before\n", 5),
    Case("closed streams", "exec >&- 2>&- <&-; exit 6", exit=6),
    Case("reads stdin", 'cat; read line; echo "got <$line>"', b"got <>\n"),
    Case("fits the limit", "printf 12345", b"12345", limit=5),
    Case("over the limit", "printf 123456", b"12345", truncated=True, limit=5),
    Case("a flood", "exec head -c 1000000000 /dev/zero", bytes(1000), None, truncated=True, limit=1000),
    Case(
        "complains a lot",
        "head -c 200000 /dev/zero | tr '\\0' 'e' >&2; echo answer",
        b"answer\n",
        stderr=b"e" * 65536,
    ),
    Case(
        "complains in lines",
        "yes complaint | head -n 50000 >&2; echo answer",
        b"answer\n",
        stderr=(b"complaint\n" * 7000)[:65536],
    ),
    Case("killed by a signal", "kill -TERM $$", exit=143),
    Case("never ends", "echo begun; exec sleep 600", b"begun\n", None, TIMEOUT, timeout=1),
    Case("will not be ended", "trap '' TERM; echo begun; sleep 600", b"begun\n", None, TIMEOUT, timeout=1),
    Case("a child holds stdout", "sleep 600 & echo early", b"early\n"),
    Case("a child holds stderr", "sleep 600 >/dev/null & echo early", b"early\n"),
    Case("a child is silent", "sleep 2 >/dev/null 2>&1 & echo early", b"early\n"),
    Case("after all of them", "echo still here", b"still here\n"),
)


def torture(session: Session, cases: Sequence[Case] = CASES) -> None:
    """Ask everything in one go and compare every answer."""
    begun: list[object] = []
    requests = [case.command for case in cases]
    answers = list(session.ask(requests, time.monotonic() + 60, begun.append))
    assert [answer.request for answer in answers] == requests
    assert begun == requests
    for case, answer in zip(cases, answers, strict=True):
        compare(case, answer)


def compare(case: Case, answer: Answer) -> None:
    """The answer is the case's, byte for byte."""
    got = (answer.status, answer.exit, answer.stdout, answer.stderr, answer.truncated)
    assert got == (case.status, case.exit, case.stdout, case.stderr, case.truncated), (case.name, answer.detail)
    assert bool(answer.detail) is (case.status is not ENDED), case.name
