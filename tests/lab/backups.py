"""Backup repositories made by the real tools on a throw-away host, kept in the cache and copied to hosts."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.lab.base import base, cache, locked
from tests.lab.errors import LabError
from tests.lab.host import Machine, run

PASSWORD = "correct horse battery staple"
KEPT_FOR = timedelta(hours=6)
"""How long a repository is used again; what is fresh must stay so."""
_COPY = "/srv/copy"

_RESTIC = f"""
set -eu
export RESTIC_PASSWORD='{PASSWORD}'
restic init --quiet --repo {_COPY}
restic backup --quiet --no-cache --repo {_COPY} --host "$2" --time "$1" /etc/ssh
"""
_BORG = f"""
set -eu
export BORG_PASSPHRASE='{PASSWORD}' BORG_BASE_DIR=/tmp
borg init --encryption=repokey {_COPY}
borg create --timestamp "$1" {_COPY}::"$2-$1" /etc/ssh
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A backup program: the script that makes a repository with one backup, and how it wants the time written."""

    name: str
    script: str
    time_format: str


RESTIC = Tool("restic", _RESTIC, "%Y-%m-%d %H:%M:%S")
BORG = Tool("borg", _BORG, "%Y-%m-%dT%H:%M:%S")


def repository(tool: Tool, age: timedelta) -> Path:
    """A repository whose only backup is `age` old, to within `KEPT_FOR`."""
    kept = cache() / "repositories"
    made = kept / f"{tool.name}-{int(age.total_seconds())}"
    with locked(cache() / "repositories.lock"):
        if made.exists() and time.time() - made.stat().st_mtime < KEPT_FOR.total_seconds():
            return made
        shutil.rmtree(made, ignore_errors=True)
        _make(tool, datetime.now(UTC) - age, made)
    return made


def _make(tool: Tool, at: datetime, target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="secaudit-lab-") as directory:
        machine = Machine.start(tool.name, base(), Path(directory))
        try:
            machine.booted()
            done = run(machine.pid, ["sh", "-c", tool.script, tool.name, at.strftime(tool.time_format), "shop"])
            if done.returncode:
                raise LabError(f"{tool.name} made no repository: {done.stderr.decode(errors='replace')}")
            shutil.copytree(machine.root / _COPY.removeprefix("/"), partial)
        finally:
            machine.stop()
    partial.touch()
    partial.rename(target)
