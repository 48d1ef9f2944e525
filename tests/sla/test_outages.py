"""When a service is called down: failures in a row, outages, and probes that come a little late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from secaudit.fleet.probe_round import EARLY, Due, due, probe_all
from secaudit.model.availability import Availability, Outage, Probe
from secaudit.model.contract import AvailabilityTarget, ProbeKind, ServiceProbe
from secaudit.sla.availability import LATE, measure
from tests.sla.contracts import a_contract

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PORT = ServiceProbe(ProbeKind.TCP, "127.0.0.1", 9, timedelta(seconds=1))
TARGET = AvailabilityTarget("shop", Decimal("99.9"), "", MINUTE)


def seen(pattern: str, target: AvailabilityTarget = TARGET, step: timedelta = MINUTE) -> Availability:
    """The measure of a probe a minute: `+` is up, `-` down, a blank none."""
    probes = [
        Probe(BEGIN + index * step, sign == "+", "" if sign == "+" else f"probe {index}")
        for index, sign in enumerate(pattern)
        if sign != " "
    ]
    return measure(a_contract(), target, probes, BEGIN, BEGIN + len(pattern) * step)


@pytest.mark.parametrize(
    ("pattern", "down", "unmeasured"),
    [
        ("+-+++", 0, 0),
        ("+--++", 2, 0),
        ("+-+-+", 0, 0),
        ("+++--", 2, 0),
        ("++++-", 0, 1),
        ("-++++", 0, 0),
        ("-    ", 0, 5),
        ("- -++", 2, 1),
    ],
)
def test_failures_in_a_row(pattern: str, down: int, unmeasured: int) -> None:
    found = seen(pattern, replace(TARGET, down_after=2))
    assert (found.down, found.unmeasured) == (down * MINUTE, unmeasured * MINUTE)


def test_outages_tell_when_and_what() -> None:
    found = seen("+--+-+")
    first = Outage(BEGIN + MINUTE, BEGIN + 3 * MINUTE, "probe 1")
    assert found.outages == (first, Outage(BEGIN + 4 * MINUTE, BEGIN + 5 * MINUTE, "probe 4"))
    assert sum((outage.end - outage.start for outage in found.outages), timedelta()) == found.down


def test_our_own_probes_may_come_late() -> None:
    step = MINUTE + LATE
    assert seen("++++", replace(TARGET, probe=PORT), step).unmeasured == timedelta()
    assert seen("++++", TARGET, step).unmeasured == 4 * LATE
    assert seen("++++", replace(TARGET, probe=PORT), step + MINUTE).unmeasured == 4 * MINUTE


def test_what_is_due() -> None:
    services = [("muster", replace(TARGET, probe=PORT)), ("muster", replace(TARGET, service="mail"))]
    name = ("muster", "shop")
    assert due(services, {}, BEGIN) == (Due("muster", "shop", PORT),)
    assert due(services, {name: BEGIN - MINUTE + EARLY}, BEGIN)
    assert not due(services, {name: BEGIN - MINUTE + EARLY + timedelta(seconds=1)}, BEGIN)
    assert due(services, {name: BEGIN + MINUTE}, BEGIN), "a clock that was set back must not stop the probes"


def test_a_round_is_spread_and_each_service_keeps_its_place() -> None:
    wanted = [Due("muster", f"s{number}", PORT) for number in range(5)]
    waits: list[float] = []
    found = probe_all(wanted, lambda: BEGIN, waits.append)
    assert {one.service for one, _ in found} == {one.service for one in wanted}
    assert waits == sorted(one.offset.total_seconds() for one in wanted)
    assert all(0 <= wait < 5 for wait in waits)
    assert all(not probe.is_up and probe.at == BEGIN for _, probe in found)
