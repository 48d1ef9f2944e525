"""Contracts and events that tests of clocks share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from secaudit.model.contract import (
    BusinessCalendar,
    ClockKind,
    Contract,
    Opening,
    Priority,
    SlaRules,
    SpecialDay,
    Target,
    Unit,
)
from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent

WORK = (Opening(480, 1020),)
BERLIN = BusinessCalendar(
    "Europe/Berlin",
    (WORK, WORK, WORK, WORK, (Opening(480, 900),), (), ()),
    "DE",
    "BY",
    (SpecialDay(date(2026, 12, 24), ()), SpecialDay(date(2026, 12, 31), (Opening(480, 720),))),
)


def real(hours: int) -> Target:
    return Target(hours, Unit.HOURS, ClockKind.REAL)


def business(hours: int) -> Target:
    return Target(hours, Unit.HOURS, ClockKind.BUSINESS)


def business_days(amount: int) -> Target:
    return Target(amount, Unit.BUSINESS_DAYS, ClockKind.BUSINESS)


def days(amount: int) -> Target:
    return Target(amount, Unit.DAYS, ClockKind.CALENDAR)


PRIORITIES = (
    Priority("P1", frozenset({Severity.CRITICAL}), real(1), real(24)),
    Priority("P2", frozenset({Severity.HIGH}), business(4), business_days(5)),
    Priority("P3", frozenset({Severity.MEDIUM}), business_days(1), days(30)),
)


def a_contract(**changes: Any) -> Contract:
    """The contract of 2026: three priorities, Bavarian holidays, short Fridays."""
    contract = Contract(
        customer="muster",
        name="Muster GmbH",
        number="V-1",
        since=date(2026, 1, 1),
        until=date(2026, 12, 31),
        notice_days=90,
        calendar=BERLIN,
        priorities=PRIORITIES,
        sla=SlaRules(date(2026, 1, 1), Decimal("0.8")),
    )
    return replace(contract, **changes)


def at(text: str) -> datetime:
    """An ISO time with its offset as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def found(when: str, severity: Severity = Severity.CRITICAL, outcome: Outcome = Outcome.FAILED) -> FindingEvent:
    return FindingEvent("f" * 32, EventKind.FOUND, at(when), severity, outcome)


def event(kind: EventKind, when: str, **values: Any) -> FindingEvent:
    return FindingEvent("f" * 32, kind, at(when), **values)


def paused(when: str, until: str) -> FindingEvent:
    return event(EventKind.PAUSED, when, until=at(until), author="anna", reason="waiting_customer")


HOUR = timedelta(hours=1)
