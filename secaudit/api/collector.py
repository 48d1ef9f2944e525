"""Collectors: which requests give a fact, and how their answers are read. Pure functions over answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from secaudit.api.expect import Expect
from secaudit.api.facts import Facts, Unproven
from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.outcome import UnprovenKind
from secaudit.model.request import Command, Request

T = TypeVar("T")

_KINDS = {
    AnswerStatus.DENIED: UnprovenKind.DENIED,
    AnswerStatus.MISSING: UnprovenKind.MISSING,
    AnswerStatus.TIMEOUT: UnprovenKind.TIMEOUT,
    AnswerStatus.LOST: UnprovenKind.UNREACHABLE,
    AnswerStatus.LIMIT: UnprovenKind.TRUNCATED,
    AnswerStatus.NOT_RECORDED: UnprovenKind.NOT_RECORDED,
}

_WORDS = {
    AnswerStatus.DENIED: "was denied",
    AnswerStatus.MISSING: "is not installed",
    AnswerStatus.TIMEOUT: "did not end in time",
    AnswerStatus.LOST: "was not answered",
    AnswerStatus.LIMIT: "was not read",
    AnswerStatus.NOT_RECORDED: "is not in the recorded transcript",
}


_SUDO_REMARKS = ("sudo: unable to resolve host ",)
"""What sudo itself prints on a host whose own name is in no list of names; the command runs all the same."""


class Answers:
    """What a collector works on: the answers to its requests, the expectations that asked for the fact, and `uses`."""

    def __init__(self, answers: Mapping[Request, Answer], wanted: Sequence[Expect], facts: Facts) -> None:
        self._answers = answers
        self.wanted = tuple(wanted)
        """Validated expectations of every control that requires this fact on this host."""
        self.facts = facts
        """The facts that the collector declared with `uses`."""

    def __getitem__(self, request: Request) -> Answer:
        """The answer as it is, whatever its status."""
        return self._answers[request]

    def ended(self, request: Request, exits: tuple[int, ...] = (0,), whole: bool = True, quiet: bool = False) -> Answer:
        """The answer, if the command ran to its end with one of `exits` and (with `whole`) nothing was cut off.

        An empty stdout is an answer only where stderr is empty too, but for what the command's `remarks` name: some
        programs fail and end with 0. With `quiet` that holds for every stdout: for lists in which nothing tells that
        the rest is left out. Raises `Unproven` with the matching kind and the first line of stderr otherwise.
        """
        answer = self._answers[request]
        if answer.status is not AnswerStatus.ENDED:
            reason = f"`{request.key}` {_WORDS[answer.status]}"
            detail = answer.detail or _first_line(answer.stderr)
            raise Unproven(_KINDS[answer.status], f"{reason}: {detail}" if detail else reason, (answer.evidence(),))
        # A command that is cut off at its limit does not end by itself, so it may have no exit code to look at.
        if whole and answer.truncated:
            reason = f"`{request.key}` printed more than its limit of {request.limit} bytes"
            raise Unproven(UnprovenKind.TRUNCATED, reason, (answer.evidence(),))
        if answer.exit not in exits and not (answer.truncated and answer.exit is None):
            detail = _first_line(answer.stderr)
            reason = f"`{request.key}` ended with exit code {answer.exit}"
            raise Unproven(UnprovenKind.ERROR, f"{reason}: {detail}" if detail else reason, (answer.evidence(),))
        complaint = self.complaint(request)
        if complaint and (quiet or not answer.stdout.strip()):
            what = "reports an error" if answer.stdout.strip() else "printed nothing but an error"
            reason = f"`{request.key}` {what}: {complaint}"
            raise Unproven(UnprovenKind.ERROR, reason, (answer.evidence(),))
        return answer

    def complaint(self, request: Request) -> str:
        """The first line of stderr that is no remark beside a good answer (`Command.remarks`); empty without one."""
        return _first_line(self._answers[request].stderr, _remarks(request))

    def text(self, request: Request, exits: tuple[int, ...] = (0,)) -> str:
        """stdout as text under the conditions of `ended`."""
        return self.ended(request, exits).text


def _first_line(stderr: bytes, without: tuple[str, ...] = ()) -> str:
    remarked = False
    for line in stderr.decode("utf-8", "replace").strip().splitlines():
        # What begins with a blank goes on with the line before it.
        remarked = any(text in line for text in without) or (remarked and line[:1].isspace())
        if line.strip() and not remarked:
            return line[:200]
    return ""


def _remarks(request: Request) -> tuple[str, ...]:
    return (*_SUDO_REMARKS, *request.remarks) if isinstance(request, Command) else ()


Requests = Sequence[Request] | Callable[[Sequence[Expect]], Iterable[Request]]


@dataclass(frozen=True, slots=True, eq=False)
class Collector(Generic[T]):
    """How one fact is collected: its type, its requests, the facts it builds on, and the reader."""

    fact: type[T]
    requests: Requests
    uses: tuple[type, ...]
    read: Callable[[Answers], T]

    def plan(self, wanted: Sequence[Expect]) -> tuple[Request, ...]:
        """The requests for a host whose controls hold the expectations `wanted`, each once, in order."""
        asked = self.requests(wanted) if callable(self.requests) else self.requests
        return tuple(dict.fromkeys(asked))


def collector(
    fact: type[T], requests: Requests = (), uses: Sequence[type] = ()
) -> Callable[[Callable[[Answers], T]], Collector[T]]:
    """Declare the decorated function as the reader of `fact`.

    `requests` is a fixed sequence, or a function that derives them from the expectations of the controls that need
    the fact (declared paths, port ranges). The reader raises `Unproven` for what it cannot decide.
    """

    def declare(read: Callable[[Answers], T]) -> Collector[T]:
        return Collector(fact, requests, tuple(uses), read)

    return declare
