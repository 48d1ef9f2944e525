"""Typed facts of one host, looked up by their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar, cast

from secaudit.api.verdict import Verdict, unproven
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import UnprovenKind

P = ParamSpec("P")
T = TypeVar("T")


class Unproven(Exception):
    """Something could not be read or understood.

    Raised by a collector it takes the place of the fact; raised by a check it makes the control unproven.
    """

    def __init__(self, kind: UnprovenKind, reason: str, evidence: tuple[Evidence, ...] = ()) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.evidence = evidence

    def verdict(self, subject: str = "", *, expected: str = "") -> Verdict:
        """The verdict that the subject could not be decided for this reason."""
        return unproven(subject, kind=self.kind, reason=self.reason, expected=expected, evidence=self.evidence)


def attempt(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Unproven:
    """What `read` returns, or the `Unproven` that it raises: for parts of a fact that must not take the others away."""
    try:
        return read(*args, **kwargs)
    except Unproven as reason:
        return reason


@dataclass(frozen=True, slots=True)
class Now:
    """The moment that ages are measured against: when the host was opened, or what `--at` says. Aware UTC."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """The host as the inventory names it."""

    customer: str
    site: str
    host: str
    address: str
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Platform:
    """What kind of system the host is; planned for every host when a family provides it, and shown in reports."""

    os_id: str
    os_version: str


@dataclass(frozen=True, slots=True)
class ScannerLead:
    """How far the scanner's clock is ahead of the host's; planned for every host when a family provides it.

    A scan that most hosts contradict does not count.
    """

    by: timedelta


class Facts:
    """What is known about one host. Holds a value or the reason why there is none for every fact that was planned."""

    def __init__(self, values: Mapping[type, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, fact: type[T]) -> T:
        """The fact, or raises `Unproven` when it could not be collected."""
        value = self.get(fact)
        if isinstance(value, Unproven):
            raise value
        return value

    def get(self, fact: type[T]) -> T | Unproven:
        """The fact, or the `Unproven` that stands in its place."""
        value = self._values.get(fact)
        if value is None:
            return Unproven(UnprovenKind.PLUGIN, f"fact {fact.__name__} was not declared by the check")
        return cast("T | Unproven", value)
