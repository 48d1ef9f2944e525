"""The command line inside of the test's own process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secaudit.cli.main import run

Run = Callable[..., tuple[int, str, str]]
"""Takes arguments; returns exit code, stdout and stderr."""


def command_line(capsys: pytest.CaptureFixture[str], *program: str) -> Run:
    """`secaudit` with what follows it always, for example the name of a group."""

    def call(*arguments: str) -> tuple[int, str, str]:
        ended = run([*program, *arguments])
        captured = capsys.readouterr()
        return ended, captured.out, captured.err

    return call
