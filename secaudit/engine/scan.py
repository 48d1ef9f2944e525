"""Scanning many hosts at once: one host's trouble stays its own, and what was recorded stays recorded."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from secaudit.engine.allowance import Allowance, HostAllowance, Limits
from secaudit.engine.collect import collect
from secaudit.engine.evaluate import judge_host
from secaudit.engine.events import Event, HostDone, HostStep, RunDone, RunStarted
from secaudit.engine.overlay import Overlay, nothing_to_add
from secaudit.engine.plan import HostPlan
from secaudit.engine.recorder import Recorder
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript
from secaudit.model.inventory import TransportKind
from secaudit.model.run import RunInfo, Summary
from secaudit.plugins import Registry
from secaudit.transport.interface import Prober, Session, Transport

Watch = Callable[[Event], None]
Prepare = Callable[[HostTranscript], tuple[HostTranscript, str]]
"""Makes a transcript fit to be kept (secrets removed) and gives its digest."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """The parts that a scan works with; put together by the command line.

    `names` maps customer ids to names for people. `jobs` is how many hosts are open at once.
    """

    registry: Registry
    transports: Mapping[TransportKind, Transport]
    prober: Prober
    prepare: Prepare
    names: Mapping[str, str]
    limits: Limits = field(default_factory=Limits)
    jobs: int = 32
    references: ReferenceData = field(default_factory=ReferenceData)
    overlay: Overlay = nothing_to_add


@dataclass(frozen=True, slots=True)
class _Scanned:
    plan: HostPlan
    transcript: HostTranscript
    allowance: HostAllowance


class _Pool:
    """Worker threads that take hosts from a list and hand over transcripts through a short queue."""

    def __init__(self, scanner: Scanner, plans: Sequence[HostPlan], watch: Watch) -> None:
        self._scanner = scanner
        self._plans = iter(plans)
        self._watch = watch
        self._lock = threading.Lock()
        self._open: dict[int, Session] = {}
        self._stopped = False
        waiting = max(4, scanner.jobs)
        self.done: queue.Queue[_Scanned | BaseException] = queue.Queue(maxsize=waiting)
        # One more is being judged and recorded.
        self._allowance = Allowance(scanner.limits, len(plans), scanner.jobs + waiting + 1)
        self._threads = [
            threading.Thread(target=self._work, name=f"scan-{number}", daemon=True)
            for number in range(min(scanner.jobs, len(plans)))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no new host and let go of the open ones."""
        with self._lock:
            self._stopped = True
            sessions = list(self._open.values())
        self._scanner.prober.close()
        for session in sessions:
            session.close()

    def drain(self) -> Iterator[_Scanned]:
        """What is complete already and was not taken yet."""
        while not self.done.empty():
            scanned = self.done.get_nowait()
            if isinstance(scanned, _Scanned):
                yield scanned

    def _next(self) -> HostPlan | None:
        with self._lock:
            return None if self._stopped else next(self._plans, None)

    def _work(self) -> None:
        while (plan := self._next()) is not None:
            allowance = self._allowance.host()
            try:
                scanned: _Scanned | BaseException = _Scanned(plan, self._collect(plan, allowance), allowance)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
                scanned = error
            with self._lock:
                if self._stopped:
                    return
            self.done.put(scanned)

    def _collect(self, plan: HostPlan, allowance: HostAllowance) -> HostTranscript:
        mine: list[Session] = []

        def opened(session: Session) -> None:
            with self._lock:
                self._open[id(session)] = session
            mine.append(session)

        def step(text: str) -> None:
            self._watch(HostStep(plan.host.label, text))

        try:
            return collect(
                plan,
                self._scanner.transports[plan.host.transport],
                self._scanner.prober,
                self._scanner.limits,
                step,
                opened,
                allowance,
            )
        finally:
            with self._lock:
                for session in mine:
                    self._open.pop(id(session), None)


def scan(
    run: RunInfo,
    plans: Sequence[HostPlan],
    scanner: Scanner,
    recorders: Sequence[Recorder],
    watch: Watch,
    at: datetime | None = None,
    begin: bool = True,
) -> RunInfo:
    """Scan every planned host and record each as soon as it is complete.

    Results are recorded in the calling thread, so recorders need no locks. KeyboardInterrupt ends the scan early:
    what is complete is recorded, `RunDone.unfinished` names the rest, and the returned run has no `finished`.
    `begin` is False when an interrupted run goes on. An exception of a recorder ends the scan and is raised.
    """
    watch(RunStarted(run.id, tuple(plan.host.label for plan in plans)))
    if begin:
        for recorder in recorders:
            recorder.begin(run, [plan.host for plan in plans])
    pool = _Pool(scanner, plans, watch)
    waiting = {plan.host.label for plan in plans}
    try:
        pool.start()
        while waiting:
            scanned = pool.done.get()
            if isinstance(scanned, BaseException):
                raise scanned
            _finish_host(run, scanned, scanner, recorders, watch, at, waiting)
    except KeyboardInterrupt:
        pool.stop()
        for scanned in pool.drain():
            _finish_host(run, scanned, scanner, recorders, watch, at, waiting)
    except BaseException:
        pool.stop()
        raise
    ended = run if waiting else replace(run, finished=datetime.now(UTC))
    for recorder in recorders:
        recorder.finish(ended)
    watch(RunDone(run.id, tuple(plan.host.label for plan in plans if plan.host.label in waiting)))
    return ended


def _finish_host(
    run: RunInfo,
    scanned: _Scanned,
    scanner: Scanner,
    recorders: Sequence[Recorder],
    watch: Watch,
    at: datetime | None,
    waiting: set[str],
) -> None:
    host = scanned.plan.host
    watch(HostStep(host.label, "evaluating"))
    transcript, digest = scanner.prepare(scanned.transcript)
    known: dict[str, datetime] = {}
    for recorder in recorders:
        known.update(recorder.known(host.customer, host.name))
    name = scanner.names.get(host.customer, host.customer)
    record, results = judge_host(
        scanned.plan, scanner.registry, name, transcript, digest, at, known, scanner.references
    )
    results = scanner.overlay(host, results, at or transcript.opened, known)
    watch(HostStep(host.label, "storing"))
    for recorder in recorders:
        recorder.record(run, record, results, transcript)
    scanned.allowance.release()
    waiting.discard(host.label)
    watch(HostDone(host.label, record.status, record.detail, Summary.of(results)))


def new_run(version: str, now: datetime, entropy: bytes) -> RunInfo:
    """The head of a run that begins at `now` (aware UTC); its id sorts by time and is unique through `entropy`."""
    tail = hashlib.sha256(entropy).hexdigest()[:6]
    return RunInfo(f"{now:%Y-%m-%d-%H%M%S}-{tail}", now, None, version)
