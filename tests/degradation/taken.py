"""The ways in which an answer is taken away from a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from secaudit.api import Answer, AnswerStatus, Request

TakeAway = Callable[[Answer], Answer | None]
"""What is left of an answer; None where the transcript does not hold the request any more."""


def _program(request: Request) -> str:
    return request.key.removeprefix("sudo ").split()[0].rpartition("/")[2]


def _trouble(answer: Answer) -> bytes:
    return f"{_program(answer.request)}: cannot open: Permission denied\n".encode()


def _no_such_command(answer: Answer) -> bytes:
    return f"bash: line 1: {_program(answer.request)}: command not found\n".encode()


def _half(answer: Answer) -> bytes:
    """The first half of the output, cut at the end of a line where there is more than one."""
    half = answer.stdout[: len(answer.stdout) // 2]
    return half[: half.rfind(b"\n") + 1] or half


def _not_ended(status: AnswerStatus) -> TakeAway:
    return lambda answer: Answer(answer.request, status, answer.started, detail="taken away")


def _ended(answer: Answer, exit: int | None, stdout: bytes, stderr: bytes) -> Answer:
    return replace(answer, status=AnswerStatus.ENDED, exit=exit, stdout=stdout, stderr=stderr, truncated=False)


WAYS: Mapping[str, TakeAway] = {
    "not in the transcript": lambda _: None,
    "denied": _not_ended(AnswerStatus.DENIED),
    "not installed": _not_ended(AnswerStatus.MISSING),
    "lost with the connection": _not_ended(AnswerStatus.LOST),
    "timed out": _not_ended(AnswerStatus.TIMEOUT),
    "timed out after the first half": lambda answer: replace(
        answer, status=AnswerStatus.TIMEOUT, exit=None, stdout=_half(answer)
    ),
    "truncated in the middle": lambda answer: replace(answer, exit=None, stdout=_half(answer), truncated=True),
    "truncated at its end": lambda answer: replace(answer, truncated=True),
    "an error on stderr, exit 1": lambda answer: _ended(answer, 1, b"", _trouble(answer)),
    "an error on stderr, exit 2": lambda answer: _ended(answer, 2, b"", _trouble(answer)),
    "an error on stderr, exit 127": lambda answer: _ended(answer, 127, b"", _no_such_command(answer)),
    "an error on stderr, exit 0": lambda answer: _ended(answer, 0, b"", _trouble(answer)),
    "an error on stdout, exit 1": lambda answer: _ended(answer, 1, _trouble(answer), b""),
    "an error on stdout, exit 0": lambda answer: _ended(answer, 0, _trouble(answer), b""),
    "the first half, then an error, exit 1": lambda answer: _ended(answer, 1, _half(answer), _trouble(answer)),
    "the first half, then an error, exit 2": lambda answer: _ended(answer, 2, _half(answer), _trouble(answer)),
    "the first half, then an error, exit 0": lambda answer: _ended(answer, 0, _half(answer), _trouble(answer)),
}
"""Every way by its name."""
