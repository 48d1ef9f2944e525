"""Requests of this family and how their answers become facts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind, attempt, collector

from .facts import MdArrays, TimeSync
from .mdstat import read_mdstat

DEVICES = Command(("cat", "/proc/devices"))
MDSTAT = Command(("cat", "/proc/mdstat"))
CHRONY = Command(("chronyc", "-n", "-c", "tracking"))
TIMEDATECTL = Command(("timedatectl", "show"))

_MD_DRIVER = re.compile(r"^ *\d+ md$", re.MULTILINE | re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}\.\d+", re.ASCII)
_LEAPS = frozenset({"Normal", "Insert second", "Delete second", "Not synchronised"})
_LOCAL_CLOCK = "7F7F0101"
"""Reference id of a chronyd that follows nothing but its own clock (directive `local`)."""


@collector(MdArrays, (DEVICES, MDSTAT))
def md_arrays(answers: Answers) -> MdArrays:
    """The software RAID arrays.

    /proc/mdstat exists only while the md driver is loaded. That it is not there is read from /proc/devices, which
    lists every block driver (proc(5)), and not from an error message.
    """
    devices = answers.ended(DEVICES)
    _, heading, block_drivers = devices.text.partition("Block devices:\n")
    if not heading:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "/proc/devices lists no block devices", (devices.evidence(),))
    if not _MD_DRIVER.search(block_drivers):
        return MdArrays(driver=False, arrays=(), evidence=devices.evidence())
    mdstat = answers.ended(MDSTAT)
    return MdArrays(driver=True, arrays=tuple(read_mdstat(mdstat)), evidence=mdstat.evidence())


@collector(TimeSync, (CHRONY, TIMEDATECTL))
def time_sync(answers: Answers) -> TimeSync:
    """chronyd's own word where it is installed, else what systemd knows of the kernel's clock discipline.

    Raises `Unproven` when neither answers, and when chronyd does not although it is there: that the kernel's clock is
    disciplined does not say by whom and how well, that it is not says enough.
    """
    try:
        return _chrony(answers.ended(CHRONY))
    except Unproven as trouble:
        chrony = trouble
    systemd = attempt(_systemd, answers)
    if isinstance(systemd, Unproven):
        reason = f"{chrony.reason}; {systemd.reason}"
        raise Unproven(systemd.kind, reason, (*chrony.evidence, *systemd.evidence)) from None
    if systemd.synchronized and chrony.kind is not UnprovenKind.MISSING:
        raise chrony
    return systemd


def _systemd(answers: Answers) -> TimeSync:
    return _timedatectl(answers.ended(TIMEDATECTL))


def _chrony(answer: Answer) -> TimeSync:
    """The columns of `chronyc -c tracking` come in the order of chronyc(1): reference id, server, stratum, time, …"""
    fields = answer.text.strip().split(",")
    if len(fields) != 14 or fields[13] not in _LEAPS or not (_is_number(fields[3]) and _is_number(fields[4])):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "chronyc printed a form that is not known", (answer.evidence(),))
    synchronized = fields[13] != "Not synchronised" and fields[0] != _LOCAL_CLOCK
    try:
        updated = datetime.fromtimestamp(float(fields[3]), UTC)
        offset = timedelta(seconds=abs(float(fields[4])))
    except (OverflowError, ValueError, OSError):
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "chronyc printed no possible time", (answer.evidence(),)) from None
    return TimeSync(
        source="chrony",
        synchronized=synchronized,
        upstream=fields[1] if synchronized else "",
        offset=offset if synchronized else None,
        updated=updated if synchronized else None,
        evidence=answer.evidence(1),
    )


def _timedatectl(answer: Answer) -> TimeSync:
    for number, line in enumerate(answer.lines, 1):
        key, _, value = line.partition("=")
        if key == "NTPSynchronized" and value in ("yes", "no"):
            return TimeSync("systemd", value == "yes", "", None, None, answer.evidence(number))
    raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "timedatectl does not say NTPSynchronized", (answer.evidence(),))


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None
