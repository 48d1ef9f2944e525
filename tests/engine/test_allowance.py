"""What hosts may send: a host that floods is stopped, and takes nothing away from the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.engine.allowance import RUN_LEAST, RUN_SHARE, Allowance, Limits
from secaudit.engine.scan import scan
from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.request import MIB
from secaudit.plugins import Registry
from secaudit.transport.interface import TooMuch
from tests.engine.fakes import FakeSession, FakeTransport, Memory
from tests.engine.test_scan import GOOD, RUN, Make, plans, scanner


def test_a_host_may_send_its_limit_and_not_a_byte_more() -> None:
    host = Allowance(Limits(host_bytes=100)).host()
    host.take(60)
    host.take(40)
    for size in (1, 0):
        with pytest.raises(TooMuch, match="the host sent more than the 100 B that one may"):
            host.take(size)


def test_past_the_limit_of_the_run_a_host_may_still_send_its_share() -> None:
    allowance = Allowance(Limits(run_bytes=100), hosts=10)
    flood, honest = allowance.host(), allowance.host()
    flood.take(95)
    with pytest.raises(TooMuch, match="all hosts sent 100 B, and this one more than its share of 10 B"):
        flood.take(10)
    honest.take(10)
    with pytest.raises(TooMuch):
        honest.take(1)


def test_what_is_recorded_is_no_longer_held() -> None:
    allowance = Allowance(Limits(held_bytes=100), hosts=10, at_once=2)
    first, second, third = allowance.host(), allowance.host(), allowance.host()
    first.take(90)
    with pytest.raises(TooMuch, match="answers of 100 B were in memory, and of this host more than its share of 50 B"):
        second.take(60)
    second.release()
    third.take(10)
    first.release()
    third.take(90)


@pytest.mark.parametrize(("hosts", "expected"), [(1, RUN_LEAST), (1000, 1000 * RUN_SHARE)])
def test_the_limit_of_a_run_follows_the_number_of_hosts(hosts: int, expected: int) -> None:
    allowance = Allowance(Limits(host_bytes=1 << 60, held_bytes=1 << 60), hosts)
    host = allowance.host()
    host.take(expected)
    with pytest.raises(TooMuch):
        host.take(1)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=200))
def test_the_totals_stay_below_twice_their_limits(came: list[tuple[int, int]]) -> None:
    allowance = Allowance(Limits(host_bytes=500, run_bytes=200, held_bytes=150), hosts=10, at_once=5)
    hosts = [allowance.host() for _ in range(10)]
    stopped: set[int] = set()
    for number, size in came:
        if number in stopped:
            continue
        try:
            hosts[number].take(size)
        except TooMuch:
            stopped.add(number)
    # What is refused has come nevertheless: a piece for each host.
    assert sum(host.taken for host in hosts) <= 2 * 200 + 10 * 40
    assert all(hosts[number].taken > 20 for number in stopped), "nobody is stopped within both shares"


def test_a_host_that_floods_is_partial_and_the_others_are_complete(registry: Registry, control: Make) -> None:
    flood = dict.fromkeys(GOOD, "x" * 2 * MIB)
    sessions: dict[str, FakeSession | str] = {f"web{number}": FakeSession(GOOD) for number in range(5)}
    sessions["flood"] = FakeSession(flood)
    memory = Memory()
    scanning = scanner(registry, FakeTransport(sessions), limits=Limits(host_bytes=MIB))
    scan(RUN, plans(registry, control, *sessions), scanning, [memory], lambda _event: None)
    assert memory.hosts["flood"].status is Reach.PARTIAL
    assert memory.hosts["flood"].detail == "the host sent more than the 1.0 MiB that one may"
    (found,) = memory.results["flood"]
    assert (found.outcome, found.kind) == (Outcome.UNPROVEN, UnprovenKind.TRUNCATED)
    assert "was not read: the host sent more than the 1.0 MiB that one may" in found.reason
    assert {memory.hosts[f"web{number}"].status for number in range(5)} == {Reach.COMPLETE}
