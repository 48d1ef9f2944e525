"""The checks of RAID arrays, services and time synchronisation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from secaudit.api import (
    Facts,
    Now,
    Severity,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    show_duration,
    unproven,
)

from ..host.facts import Services
from .expectations import Arrays, ClockSource, ServiceHealth
from .facts import MdArray, MdArrays, TimeSync

REBUILDING = frozenset({"recovery", "resync", "reshape"})
"""What a healthy array does not do. `check` and `repair` are routine passes over a whole array."""


@check(
    "resilience.raid-degraded",
    title="RAID arrays are whole",
    severity=Severity.HIGH,
    requires=[MdArrays],
    expect=Arrays,
    remediation=(
        "Find the missing disk, replace it, and add it back; then watch the array rebuild:\n"
        "cat /proc/mdstat\n"
        "mdadm --detail /dev/ARRAY\n"
        "mdadm /dev/ARRAY --fail /dev/OLD --remove /dev/OLD\n"
        "mdadm /dev/ARRAY --add /dev/NEW"
    ),
    references={
        "csf-2.0": ["PR.IR-03"],
        "iso-27001": ["A.8.14"],
        "nis2": ["21(2)(c)"],
        "nist-800-53": ["CP-10"],
    },
)
def raid_degraded(facts: Facts, expect: Arrays) -> Iterator[Verdict]:
    """Every software RAID array has all of its members and is not being rebuilt; declared arrays are there.

    A degraded array works until the next disk fails, and then everything on it is lost. Arrays without redundancy
    (`raid0`, `linear`) are judged by their state only.
    """
    md = facts[MdArrays]
    arrays = [array for array in md.arrays if not array.container]
    for array in arrays:
        yield _judge_array(array)
    for name in expect.arrays:
        if name not in {array.name for array in arrays}:
            yield failed(
                name,
                reason=f"The array {name} is not running.",
                observed="not there" if md.driver else "not there; the md driver is not loaded",
                expected="the array is there and whole",
                evidence=[md.evidence],
                remediation=f"Assemble the array and find out why it was not at boot:\nmdadm --assemble /dev/{name}",
            )
    if not arrays and not expect.arrays:
        yield not_applicable(reason="The host has no software RAID array.", evidence=[md.evidence])


def _judge_array(array: MdArray) -> Verdict:
    expected = "active, all members present, nothing being rebuilt"
    troubles = _troubles(array)
    if troubles:
        return failed(
            array.name,
            reason=f"The array {array.name} is not whole: {'; '.join(troubles)}.",
            observed="; ".join(troubles),
            expected=expected,
            evidence=[array.evidence],
        )
    members = f", {array.present} of {array.wanted} members" if array.wanted is not None else ""
    return passed(
        array.name, observed=f"{array.state} {array.level}{members}", expected=expected, evidence=[array.evidence]
    )


def _troubles(array: MdArray) -> list[str]:
    troubles = [array.state] if array.state != "active" else []
    if array.wanted is not None and array.present is not None and array.present < array.wanted:
        troubles.append(f"{array.present} of {array.wanted} members present")
    if array.faulty:
        troubles.append(f"faulty: {', '.join(array.faulty)}")
    if array.action in REBUILDING:
        troubles.append(f"{array.action} {array.progress}")
    return troubles


@check(
    "resilience.failed-services",
    title="No service has failed",
    severity=Severity.MEDIUM,
    requires=[Services],
    expect=ServiceHealth,
    remediation=(
        "Read why the service failed, mend it, start it again; stop and disable what nobody needs:\n"
        "systemctl --failed\n"
        "systemctl status UNIT\n"
        "journalctl -u UNIT -b --no-pager | tail -n 50\n"
        "systemctl restart UNIT"
    ),
    references={
        "csf-2.0": ["DE.CM-09"],
        "iso-27001": ["A.8.16"],
        "nis2": ["21(2)(c)"],
    },
)
def failed_services(facts: Facts, expect: ServiceHealth) -> Iterator[Verdict]:
    """No service that systemd looks after is in the state `failed`."""
    services = facts[Services].services
    down = [service for service in services if service.active == "failed"]
    judged = [service for service in down if not any(fnmatchcase(service.unit, ignored) for ignored in expect.ignore)]
    for service in judged:
        yield failed(
            service.unit,
            reason=f"The service {service.unit} has failed.",
            observed=f"{service.active} ({service.sub})",
            expected="not failed",
            evidence=[service.evidence],
        )
    if not judged:
        failing = f"{len(down)} of them failed and ignored" if down else "none of them failed"
        yield passed(
            observed=f"{len(services)} services, {failing}",
            expected="no failed service",
            evidence=[service.evidence for service in down] or facts[Services].evidence,
        )


@check(
    "resilience.time-sync",
    title="The clock follows a time server",
    severity=Severity.MEDIUM,
    requires=[TimeSync, Now],
    expect=ClockSource,
    remediation=(
        "Let a time service follow a server that the host can reach:\n"
        "apt-get install chrony        # dnf install chrony\n"
        "systemctl enable --now chrony # chronyd on RHEL\n"
        "chronyc sources -v\n"
        "chronyc tracking"
    ),
    references={
        "cis-v8": ["8.4"],
        "iso-27001": ["A.8.17"],
        "bsi": ["OPS.1.1.5.A4"],
        "pci-4.0": ["10.6.1"],
        "nist-800-53": ["AU-8"],
    },
)
def time_sync(facts: Facts, expect: ClockSource) -> Iterator[Verdict]:
    """The host's time service follows a server, has heard from it lately, and sees the clock near it.

    A clock that is right today drifts by seconds a day when nothing holds it. A time service that follows only its
    own clock counts as not synchronised.
    """
    sync = facts[TimeSync]
    age = facts[Now].at - sync.updated if sync.updated is not None else None
    expected = f"synchronised, heard from its server within {show_duration(expect.max_age)}"
    if expect.max_offset is not None:
        expected += f", off by {expect.max_offset.total_seconds():g} s at most"
    observed = _observed(sync, age)
    evidence = [sync.evidence]
    if not sync.synchronized:
        reason = "The clock follows no time server."
        yield failed(reason=reason, observed=observed, expected=expected, evidence=evidence)
    elif age is not None and age > expect.max_age:
        reason = f"The time service has not heard from its server for {show_duration(age)}."
        yield failed(reason=reason, observed=observed, expected=expected, evidence=evidence)
    elif expect.max_offset is not None and sync.offset is None:
        reason = f"{sync.source} does not tell how far the clock is off"
        yield unproven(kind=UnprovenKind.MISSING, reason=reason, expected=expected, evidence=evidence)
    elif expect.max_offset is not None and sync.offset is not None and sync.offset > expect.max_offset:
        reason = f"The time service sees the clock off by {sync.offset.total_seconds():.3g} s."
        yield failed(reason=reason, observed=observed, expected=expected, evidence=evidence)
    else:
        yield passed(observed=observed, expected=expected, evidence=evidence)


def _observed(sync: TimeSync, age: timedelta | None) -> str:
    told = [f"{sync.source}: {'synchronised' if sync.synchronized else 'not synchronised'}"]
    told += [f"follows {sync.upstream}"] if sync.upstream else []
    told += [f"off by {sync.offset.total_seconds():.3g} s"] if sync.offset is not None else []
    told += [f"heard from it {show_duration(age)} ago"] if age is not None else []
    return ", ".join(told)
