"""The seam between the engine and whatever keeps its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from secaudit.model.answer import HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo


class Recorder(Protocol):
    """Keeps what a scan finds. Called from one thread."""

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        """When each finding of the host (fingerprint → aware UTC) was first seen."""
        ...

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """A run begins that will scan `hosts`."""
        ...

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """A host is complete. When this returns, nothing of it can be lost any more."""
        ...

    def finish(self, run: RunInfo) -> None:
        """The run ended; `run.finished` is set unless it was interrupted."""
        ...
