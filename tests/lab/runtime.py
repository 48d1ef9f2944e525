"""What is known about running labs, on disk below /run, so that another process can use or end them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tests.lab.draft import Finding
from tests.lab.errors import LabError
from tests.lab.network import Segment, batch, existing

RUNTIME = Path("/run/secaudit-lab")
LOCK = RUNTIME.with_suffix(".lock")


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from a later one with the same id by when it started (clock ticks since boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this id now; one that has ended is never alive."""
        return cls(pid, _started(pid))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.started > 0 and _started(self.pid) == self.started


def _started(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()  # proc(5): from field 3, the state, on
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host of a running lab. `process` is its process 1; `expected` is what an audit must report as failed."""

    name: str
    scenario: str
    number: int
    address: str
    address6: str
    process: Process
    expected: tuple[Finding, ...]

    @property
    def root(self) -> Path:
        """The host's root directory as this machine reaches it."""
        return Path(f"/proc/{self.process.pid}/root")


class LabRecord(BaseModel, frozen=True):
    """A lab that was begun: its network, its hosts, and the process whose end is their end.

    `base` is the shared root that the hosts' own are laid over. `kept` says that the owner is a keeper that `up` left
    behind for `down` to end.
    """

    name: str
    segment: Segment
    owner: Process
    base: Path
    kept: bool = False
    hosts: tuple[HostRecord, ...] = ()

    @property
    def directory(self) -> Path:
        """Where the lab keeps its files: this record, the audit user's key, known hosts, logs."""
        return RUNTIME / self.name

    def save(self) -> None:
        """Write the record, whole or not at all."""
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / "lab.json.partial"
        partial.write_text(self.model_dump_json(indent=1))
        partial.rename(self.directory / "lab.json")

    def remove(self) -> None:
        """End a kept lab's owner, and remove what is left of the lab. The hosts end with their owner."""
        if self.kept and self.owner.alive:
            os.kill(self.owner.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(host.process.alive for host in self.hosts):
            if time.monotonic() > deadline:
                raise LabError(f"hosts of lab {self.name} do not end")
            time.sleep(0.005)
        self.segment.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)


def records() -> Iterator[LabRecord]:
    """Every lab that was begun and not removed."""
    for file in sorted(RUNTIME.glob("*/lab.json")):
        yield LabRecord.model_validate_json(file.read_bytes())


def find(name: str) -> LabRecord:
    """The lab called `name`; raises LabError when there is none."""
    for record in records():
        if record.name == name:
            return record
    raise LabError(f"there is no lab {name!r}; `up` starts one")


def sweep() -> None:
    """Remove labs whose owner has ended, and links that no record names; call it with `LOCK` held."""
    alive: set[str] = set()
    for record in list(records()):
        if record.owner.alive:
            alive.add(record.segment.bridge)
        else:
            record.remove()
    batch([f"link del {name}" for name in existing() if name.partition("-")[0] not in alive], force=True)
    if RUNTIME.exists():
        for folder in RUNTIME.iterdir():
            if not (folder / "lab.json").exists():
                shutil.rmtree(folder, ignore_errors=True)
        if not any(RUNTIME.iterdir()):
            RUNTIME.rmdir()
