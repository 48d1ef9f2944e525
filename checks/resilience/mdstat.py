"""/proc/mdstat, as `md_seq_show` in the kernel's drivers/md/md.c writes it; see also md(4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from secaudit.api import Answer, Unproven, UnprovenKind

from .facts import MdArray

WITHOUT_REDUNDANCY = frozenset({"raid0", "linear", "faulty"})
"""Levels for which md counts no members; for every other level it does."""

_HEAD = re.compile(r"(md\S*) : (active|inactive|broken)((?: \((?:auto-)?read-only\))?)((?: \S+)*)\s*")
_MEMBER = re.compile(r"(.+)\[\d+\]((?:\([A-Z]\))*)")
_MEMBERS = re.compile(r"\[(\d{1,6})/(\d{1,6})\] \[[U_]+\]", re.ASCII)
_ACTION = re.compile(r"(recovery|resync|reshape|check|repair)\s*=\s*(\d+\.\d+%|[A-Z]+)")
_CONTAINER = re.compile(r"super external:[^/\s]")


def read_mdstat(answer: Answer) -> Iterator[MdArray]:
    """The arrays of a whole /proc/mdstat. Raises `Unproven` when it has another form."""
    lines = answer.lines
    if not lines or not lines[0].startswith("Personalities :") or not lines[-1].startswith("unused devices:"):
        raise Unproven(
            UnprovenKind.NOT_UNDERSTOOD, "/proc/mdstat does not begin and end as it should", (answer.evidence(),)
        )
    # An array is its head and the lines indented below it.
    starts = [number for number, line in enumerate(lines[:-1], 1) if number > 1 and line and not line[0].isspace()]
    for start, end in pairwise([*starts, len(lines)]):
        yield _array(answer, start, end - 1)


def _array(answer: Answer, first: int, last: int) -> MdArray:
    lines = answer.lines[first - 1 : last]
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    evidence = answer.evidence(first, first + len(lines) - 1)
    head = _HEAD.fullmatch(lines[0])
    body = "\n".join(lines[1:])
    words = head[4].split() if head else []
    level = words.pop(0) if head and head[2] != "inactive" and words else ""
    members = [_MEMBER.fullmatch(word) for word in words]
    counted, action = _MEMBERS.search(body), _ACTION.search(body)
    uncounted = counted is None and level not in WITHOUT_REDUNDANCY
    if head is None or None in members or (head[2] == "active" and (uncounted or not level)):
        raise Unproven(
            UnprovenKind.NOT_UNDERSTOOD,
            f"the array at line {first} of /proc/mdstat has a form that is not known",
            (evidence,),
        )
    return MdArray(
        name=head[1],
        state=head[2],
        level=level,
        wanted=int(counted[1]) if counted else None,
        present=int(counted[2]) if counted else None,
        faulty=tuple(member[1] for member in members if member and "(F)" in member[2]),
        action=action[1] if action else "",
        progress=action[2] if action else "",
        container=head[2] == "inactive" and _CONTAINER.search(body) is not None,
        evidence=evidence,
    )
