"""Waivers as people grant them: which results of which hosts are accepted, by whom, why, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from secaudit.model.baseline import Location
from secaudit.model.inventory import Host
from secaudit.model.result import Result

ANY = "*"
_SET = re.compile(r"\[.[^]]*\]")


@dataclass(frozen=True, slots=True)
class WaiverGrant:
    """One entry of a waiver file.

    `control`, `host` and `subject` are glob patterns (a text that is equal matches as well); `tag` is a tag that the
    host must have, empty for any. It is in force from `start` (None: always was) until before `expires`, both aware
    UTC, and only while every control of `while_passed` passes on the same host. `compensation` says what protects
    instead.
    """

    customer: str
    control: str
    owner: str
    reason: str
    expires: datetime
    location: Location
    host: str = ANY
    tag: str = ""
    subject: str = ANY
    approver: str = ""
    compensation: str = ""
    start: datetime | None = None
    while_passed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it covers, as the identity of findings about it: `control@host/subject`."""
        place = f"{self.host}#{self.tag}" if self.tag else self.host
        return f"{self.control}@{place}/{self.subject}"

    @property
    def names_its_host(self) -> bool:
        """Whether it is about one host and says which."""
        return not self.tag and not any(sign in self.host for sign in "*?[")

    def includes(self, other: WaiverGrant) -> bool:
        """Whether it accepts, under the same conditions, all that another one does which is written alike."""
        alike = (self.customer, self.name, frozenset(self.while_passed)) == (
            other.customer,
            other.name,
            frozenset(other.while_passed),
        )
        begins = self.start is None or (other.start is not None and self.start <= other.start)
        return alike and begins and other.expires <= self.expires

    @property
    def is_too_broad(self) -> bool:
        """Whether it covers every control, or a control on everything there is."""
        return _is_open(self.control) or (_is_open(self.host) and not self.tag and _is_open(self.subject))

    def concerns(self, host: Host) -> bool:
        """Whether a host is one of those that it is about."""
        return (
            host.customer == self.customer
            and _matches(self.host, host.name)
            and (not self.tag or self.tag in host.tags)
        )

    def covers(self, result: Result) -> bool:
        """Whether a result of a host that it concerns is one of those that it is about."""
        return _matches(self.control, result.control) and _matches(self.subject, result.subject)

    def controls(self, results: Iterable[Result]) -> list[Result]:
        """The results of the controls that it is about, whatever their subject."""
        return [result for result in results if _matches(self.control, result.control)]


def _matches(pattern: str, text: str) -> bool:
    # A subject may hold brackets that are meant as they stand.
    return pattern == text or fnmatchcase(text, pattern)


def _is_open(pattern: str) -> bool:
    """Whether a pattern names nothing: only wildcards, or a set of signs before what may be anything."""
    rest = _SET.sub("", pattern) if ANY in pattern else pattern
    return not rest.strip("*?")
