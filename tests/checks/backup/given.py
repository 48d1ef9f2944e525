"""Facts and recordings that the tests of the backup family start from. The host's clock is right unless said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from secaudit.checks.host.facts import HostClock

from secaudit.api import Answer, Command, Evidence, Now
from tests import shared_data
from tests.checks.judging import AT, ended

NOW = Now(AT)


def recorded(name: str) -> bytes:
    """The bytes of a recording."""
    return (Path(__file__).parent / "recorded" / name).read_bytes()


def shared(name: str) -> bytes:
    """A file of the shared sample data; skips the test where they are not at hand."""
    return shared_data.shared(f"backup/{name}").read_bytes()


def clock(skew: timedelta = timedelta()) -> HostClock:
    """A clock that is ahead of the scanner's by `skew`."""
    return HostClock(AT + skew, skew, timedelta(seconds=1), Evidence("date", 0, None, ""))


def run(command: Command, environment: Mapping[str, str] | None = None) -> Answer:
    """Really run the command here, as the transport does: in UTC, without a locale."""
    done = subprocess.run(
        command.argv,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return ended(command, done.stdout, exit=done.returncode, stderr=done.stderr)
