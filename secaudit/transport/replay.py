"""A transport that answers from a recorded bundle, so that a scan can be run again without the hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.inventory import Host
from secaudit.model.request import PortScan, Request
from secaudit.transcript.bundle import Bundle
from secaudit.transport.interface import Received, Unreachable, unlimited


class ReplaySession:
    """A recorded host. Requests are matched by equality (argv and root, or protocol and ports)."""

    def __init__(self, transcript: HostTranscript) -> None:
        self._transcript = transcript
        self._answers: Mapping[Request, Answer] = {answer.request: answer for answer in transcript.answers}

    def answer(self, request: Request) -> Answer:
        """The recorded answer, or one with the status `NOT_RECORDED`."""
        recorded = self._answers.get(request)
        if recorded is not None:
            return recorded
        return Answer(request, AnswerStatus.NOT_RECORDED, self._transcript.opened)

    def ask(
        self,
        requests: Sequence[Request],
        deadline: float,  # noqa: ARG002 - what is recorded takes no time
        started: Callable[[Request], None] | None = None,
        received: Received = unlimited,  # noqa: ARG002 - it was let come when it was recorded
    ) -> Iterator[Answer]:
        """Answer from the transcript, in order."""
        for request in requests:
            if started is not None:
                started(request)
            yield self.answer(request)

    def close(self) -> None:
        """Nothing is held open."""


class ReplayTransport:
    """Opens the hosts of a bundle; one that was unreachable then is unreachable now, for the recorded reason."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def open(self, host: Host, deadline: float) -> ReplaySession:  # noqa: ARG002 - what is recorded takes no time
        """Raises Unreachable when the recorded scan did not reach the host, or did not try."""
        recorded = self._bundle.find(host.customer, host.name)
        if recorded is None:
            raise Unreachable(f"{host.label} is not in the recorded bundle")
        if recorded.transcript.reach is Reach.UNREACHABLE:
            raise Unreachable(recorded.transcript.detail)
        return ReplaySession(recorded.transcript)


class ReplayProber:
    """Answers port scans from a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def scan(self, host: Host, request: PortScan, deadline: float) -> Answer:  # noqa: ARG002 - takes no time
        """The recorded scan, or an answer with the status `NOT_RECORDED`, timed at the run's start."""
        recorded = self._bundle.find(host.customer, host.name)
        if recorded is None:
            return Answer(request, AnswerStatus.NOT_RECORDED, self._bundle.run.started)
        return ReplaySession(recorded.transcript).answer(request)

    def close(self) -> None:
        """Nothing waits."""
