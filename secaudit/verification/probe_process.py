"""The probe as its client sees it: a child process that answers one request after the other."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from secaudit.probe.protocol import Wording
from secaudit.verification.errors import VerificationError

_PATIENCE = 120.0
"""Seconds after which a probe that does not answer is killed."""


class ProbeProcess:
    """A running probe. Use it in a `with` statement; its namespaces end with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "secaudit.probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def namespace(self) -> str:
        """Make a network namespace; returns a path to it, good as long as the probe runs."""
        return str(self._ask("namespace"))

    def listen_to_log(self, namespace: str, group: int) -> None:
        """Recognise packets that rules log to the nflog group from now on."""
        self._ask("listen", namespace=namespace, group=group)

    def listen_at(self, namespace: str, interface: str) -> None:
        """Recognise packets that arrive at the interface from now on."""
        self._ask("listen", namespace=namespace, interface=interface)

    def connect(self, namespace: str, packets: Sequence[Wording]) -> None:
        """Let connection tracking know the connections that the packets are replies in."""
        self._ask("connect", namespace=namespace, packets=packets)

    def disconnect(self, namespace: str) -> None:
        """Let connection tracking forget every connection."""
        self._ask("disconnect", namespace=namespace)

    def send(self, namespace: str, interface: str | None, first: int, packets: Sequence[Wording]) -> None:
        """Send packets numbered from `first`, from an interface or (None) through the namespace's own stack."""
        sent = self._ask("send", namespace=namespace, interface=interface, first=first, packets=packets)
        if sent != len(packets):
            raise VerificationError(f"the probe sent {sent} of {len(packets)} packets")

    def knock(self, packets: Sequence[Wording], rate: int, seconds: float) -> list[tuple[str, str]]:
        """Send packets over the machine's own network; for each the word for what came back, and from whom."""
        return [(word, by) for word, by in self._ask("knock", packets=packets, rate=rate, seconds=seconds)]

    def collect(self, count: int, seconds: float) -> list[tuple[int, int]]:
        """Numbers and hooks of packets recognised since the last time, once there are `count` or after `seconds`."""
        return [(number, hook) for number, hook in self._ask("collect", count=count, seconds=seconds)]

    def _ask(self, job: str, **arguments: Any) -> Any:
        """Raises VerificationError when the probe cannot do it, is gone, or does not answer in time."""
        request = json.dumps({"job": job, **arguments}, separators=(",", ":"))
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._exchange(request)
        finally:
            timer.cancel()
        if not line:
            raise VerificationError(f"the probe ended while it was asked to {job}")
        answer = json.loads(line)
        if "error" in answer:
            raise VerificationError(f"the probe could not {job}: {answer['error']}")
        return answer["ok"]

    def _exchange(self, request: str) -> str:
        writer, reader = self._process.stdin, self._process.stdout
        assert writer is not None
        assert reader is not None
        try:
            writer.write(request + "\n")
            writer.flush()
            return reader.readline()
        except BrokenPipeError:
            return ""
