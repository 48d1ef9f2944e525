"""Many hosts at once: trouble stays where it is, and what was recorded stays recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from secaudit.engine.allowance import Limits
from secaudit.engine.collect import collect
from secaudit.engine.events import Event, HostDone, HostStep, RunDone, RunStarted
from secaudit.engine.plan import HostPlan, plan_host
from secaudit.engine.scan import Scanner, new_run, scan
from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.baseline import Control
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.outcome import Outcome
from secaudit.model.request import PortScan
from secaudit.plugins import Registry

from .fakes import MOMENT, FakeSession, FakeTransport, Memory, NoProber

Make = Callable[..., Control]
GOOD = {"cat /etc/acme-serial": "AC12\n"}


def plans(registry: Registry, control: Make, *names: str) -> list[HostPlan]:
    controls = [control("acme.serial", prefix="AC")]
    return [plan_host(Host("muster", "vienna", name, "192.0.2.1"), controls, registry) for name in names]


def scanner(
    registry: Registry, transport: FakeTransport, jobs: int = 8, host: float = 30, limits: Limits | None = None
) -> Scanner:
    def prepare(transcript: HostTranscript) -> tuple[HostTranscript, str]:
        return transcript, "0" * 64

    return Scanner(
        registry,
        {TransportKind.SSH: transport},
        NoProber(),
        prepare,
        {"muster": "Muster GmbH"},
        limits or Limits(timedelta(seconds=host)),
        jobs,
    )


RUN = new_run("1", MOMENT, b"entropy")


def test_run_ids_sort_by_time_and_differ_by_entropy() -> None:
    later = new_run("1", MOMENT + timedelta(seconds=1), b"a")

    assert RUN.id < later.id
    assert RUN.id != new_run("1", MOMENT, b"other").id


def test_every_host_is_recorded_with_its_own_trouble(registry: Registry, control: Make) -> None:
    sessions: dict[str, FakeSession | str] = {f"web{number}": FakeSession(GOOD) for number in range(20)}
    sessions["dead"] = "connection refused"
    memory = Memory()
    events: list[Event] = []

    ended = scan(
        RUN, plans(registry, control, *sessions), scanner(registry, FakeTransport(sessions)), [memory], events.append
    )

    assert ended.finished is not None
    assert set(memory.hosts) == set(sessions)
    assert memory.hosts["dead"].status is Reach.UNREACHABLE
    assert memory.hosts["dead"].detail == "connection refused"
    assert {result.outcome for result in memory.results["dead"]} == {Outcome.UNPROVEN}
    assert {memory.hosts[f"web{number}"].status for number in range(20)} == {Reach.COMPLETE}
    assert {result.outcome for number in range(20) for result in memory.results[f"web{number}"]} == {Outcome.PASSED}
    assert memory.hosts["dead"].customer_name == "Muster GmbH"
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunDone)
    assert sum(isinstance(event, HostDone) for event in events) == 21


def test_a_hanging_host_delays_nobody_and_ends_partial(registry: Registry, control: Make) -> None:
    sessions: dict[str, FakeSession | str] = {"hangs": FakeSession(GOOD, hold=threading.Event())}
    sessions |= {f"web{number}": FakeSession(GOOD) for number in range(30)}
    memory = Memory()

    scan(
        RUN,
        plans(registry, control, *sessions),
        scanner(registry, FakeTransport(sessions), jobs=2, host=2),
        [memory],
        lambda _event: None,
    )

    assert memory.hosts["hangs"].status is Reach.PARTIAL
    assert memory.calls.index("hangs") == len(memory.calls) - 2, "everybody else was recorded before"


def test_an_interrupt_keeps_what_is_complete_and_names_the_rest(registry: Registry, control: Make) -> None:
    held = FakeSession(GOOD, hold=threading.Event())
    sessions: dict[str, FakeSession | str] = {"first": FakeSession(GOOD), "held": held, "never": FakeSession(GOOD)}
    memory = Memory()
    done: list[RunDone] = []

    def watch(event: Event) -> None:
        if isinstance(event, HostDone) and event.host == "muster/first":
            raise KeyboardInterrupt
        if isinstance(event, RunDone):
            done.append(event)

    transport = FakeTransport(sessions)
    ended = scan(RUN, plans(registry, control, *sessions), scanner(registry, transport, jobs=1), [memory], watch)

    assert ended.finished is None
    assert memory.calls[:2] == ["begin", "first"]
    assert memory.calls[-1] == "finish early"
    assert done[0].unfinished == ("muster/held", "muster/never")
    assert "never" not in memory.calls


def test_a_recorder_that_fails_ends_the_scan_and_earlier_hosts_stay(registry: Registry, control: Make) -> None:
    sessions: dict[str, FakeSession | str] = {f"web{number}": FakeSession(GOOD) for number in range(6)}
    memory = Memory(fail_at="web3")

    with pytest.raises(OSError, match="no space"):
        scan(
            RUN,
            plans(registry, control, *sessions),
            scanner(registry, FakeTransport(sessions), jobs=1),
            [memory],
            lambda _event: None,
        )

    assert memory.calls == ["begin", "web0", "web1", "web2"]


def test_the_pool_opens_no_more_hosts_than_jobs(registry: Registry, control: Make) -> None:
    gate = threading.Event()
    sessions: dict[str, FakeSession | str] = {f"web{number}": FakeSession(GOOD, hold=gate) for number in range(10)}
    transport = FakeTransport(sessions)

    def open_the_gate() -> None:
        end = time.monotonic() + 20
        while transport.open_now < 3 and time.monotonic() < end:
            time.sleep(0.005)
        # A fourth that were wrongly opened would come now.
        time.sleep(0.2)
        gate.set()

    threading.Thread(target=open_the_gate, daemon=True).start()

    scan(
        RUN, plans(registry, control, *sessions), scanner(registry, transport, jobs=3), [Memory()], lambda _event: None
    )

    assert transport.most_open == 3
    assert transport.open_now == 0


class Busy:
    """A prober at which every scan waits for an hour for its turn."""

    def __init__(self) -> None:
        self.deadlines: list[float] = []
        self.closed = False

    def scan(self, host: Host, request: PortScan, deadline: float) -> Answer:
        self.deadlines.append(deadline)
        later = MOMENT + timedelta(hours=1)
        return Answer(request, AnswerStatus.ENDED, later, timedelta(seconds=1), 0, b"<nmaprun/>", asked=MOMENT)

    def close(self) -> None:
        self.closed = True


def test_the_second_port_scan_of_a_host_does_not_pay_for_the_wait_of_the_first() -> None:
    requests = (PortScan(ports="22"), PortScan("udp", "53"))
    plan = HostPlan(Host("muster", "vienna", "web1", "192.0.2.1"), (), {}, (), requests)
    busy = Busy()
    transcript = collect(plan, FakeTransport({"web1": FakeSession({})}), busy, Limits(), lambda _step: None)
    first, second = busy.deadlines
    assert second - first == 3600
    assert [answer.request for answer in transcript.answers] == [*requests]


def test_an_interrupt_lets_no_port_scan_wait(registry: Registry, control: Make) -> None:
    busy = Busy()

    def interrupt(event: Event) -> None:
        if isinstance(event, HostStep):
            raise KeyboardInterrupt

    sessions: dict[str, FakeSession | str] = {"web1": FakeSession(GOOD)}
    scanning = replace(scanner(registry, FakeTransport(sessions)), prober=busy)
    scan(RUN, plans(registry, control, "web1"), scanning, [Memory()], interrupt)
    assert busy.closed
