"""Reading the time stamps of files from find(1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secaudit.api import Answer, Evidence, Unproven, UnprovenKind

from .lines import at_line, unknown_line

FIND_FORMAT = r"%d\t%y\t%T@\t%C@\t%P\n"
"""Depth, type, modification and change time in seconds since 1970, path below the start; for `-printf`."""

_LINE = re.compile(
    r"(?P<depth>\d{1,4})\t(?P<kind>[a-zA-Z?])\t(?P<modified>-?\d{1,11})(?:\.\d*)?\t(?P<changed>-?\d{1,11})(?:\.\d*)?"
    r"\t(?P<name>.*)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file's type as find(1) letters it, its modification and change time (host's clock, whole seconds), its name."""

    name: str
    kind: str
    modified: datetime
    changed: datetime
    evidence: Evidence


def read_stamps(answer: Answer) -> tuple[Stamp, tuple[Stamp, ...]]:
    """The starting folder and everything that was listed below it.

    The folder's own line is the proof that it was there. Raises `Unproven` without it, or for a line that is not of
    `FIND_FORMAT` (a name with a newline makes one).
    """
    folder: Stamp | None = None
    below: list[Stamp] = []
    for number, line in enumerate(answer.lines, 1):
        found = _LINE.fullmatch(line)
        try:
            if found is None:
                raise OverflowError
            stamp = Stamp(
                name=found["name"],
                kind=found["kind"],
                modified=_EPOCH + timedelta(seconds=int(found["modified"])),
                changed=_EPOCH + timedelta(seconds=int(found["changed"])),
                evidence=at_line(answer, number, line),
            )
        except OverflowError:
            reason = f"line {number} of the listing has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason) from None
        if found["depth"] == "0":
            folder = stamp
        else:
            below.append(stamp)
    if folder is None or folder.kind != "d":
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "the listing does not show its folder", (answer.evidence(),))
    return folder, tuple(below)


def youngest(answer: Answer, *, reason: str) -> Stamp:
    """The file below the folder that was written last. Raises `Unproven` for `reason` when there is none."""
    _, stamps = read_stamps(answer)
    files = [stamp for stamp in stamps if stamp.kind == "f"]
    if not files:
        raise Unproven(UnprovenKind.STALE, reason, (answer.evidence(),))
    return max(files, key=lambda stamp: stamp.modified)
