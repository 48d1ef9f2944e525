"""Reads the appliance's serial number and the files that its controls declare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secaudit.api import Answers, Command, Evidence, Expect, Platform, Unproven, UnprovenKind, collector

SERIAL = Command(("cat", "/etc/acme-serial"))


@dataclass(frozen=True, slots=True)
class Serial:
    """The serial number as the appliance prints it."""

    number: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Ages:
    """Length of each declared file in bytes."""

    lengths: dict[str, int]


@dataclass(frozen=True, slots=True)
class Explosive:
    """A fact whose collector has a bug."""


@collector(Serial, [SERIAL])
def serial(asked: Answers) -> Serial:
    text = asked.text(SERIAL).strip()
    if not text.startswith("AC"):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "not a serial number", (asked[SERIAL].evidence(1),))
    return Serial(text, asked[SERIAL].evidence(1))


@collector(Platform, uses=[Serial])
def platform(asked: Answers) -> Platform:
    return Platform("acme", asked.facts[Serial].number[2:4])


def _declared(wanted: Sequence[Expect]) -> Iterable[Command]:
    paths = {path for expect in wanted for path in getattr(expect, "paths", ())}
    return [Command(("wc", "-c", path)) for path in sorted(paths)]


@collector(Ages, _declared)
def ages(asked: Answers) -> Ages:
    found = {}
    for command in _declared(asked.wanted):
        found[command.argv[2]] = int(asked.text(command).split()[0])
    return Ages(found)


@collector(Explosive)
def explosive(asked: Answers) -> Explosive:
    raise ZeroDivisionError("bug in a collector")
