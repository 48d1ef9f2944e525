"""Checks of the sample family, good and bad ones."""

from __future__ import annotations

from collections.abc import Iterator

from secaudit.api import Expect, Facts, Now, Severity, Target, UnprovenKind, Verdict, check, failed, passed, unproven

from .collect import Ages, Explosive, Serial


class Prefix(Expect):
    """The serial number begins with this."""

    prefix: str


class Paths(Expect):
    """Files that must not be empty."""

    paths: tuple[str, ...]


class Nothing(Expect):
    """Nothing is expected."""


@check(
    "acme.serial",
    title="Serial number is ours",
    severity=Severity.HIGH,
    requires=[Serial],
    expect=Prefix,
    remediation="Ask the vendor.",
    references={"own": ["1.1"]},
)
def serial_is_ours(facts: Facts, expect: Prefix) -> Iterator[Verdict]:
    """The serial number begins with the customer's prefix."""
    found = facts[Serial]
    judge = passed if found.number.startswith(expect.prefix) else failed
    yield judge(
        found.number[:2],
        reason="the serial number says so",
        observed=found.number,
        expected=f"{expect.prefix}…",
        evidence=[found.evidence],
    )


@check(
    "acme.files",
    title="Declared files hold data",
    severity=Severity.LOW,
    requires=[Ages],
    expect=Paths,
    remediation="Write them.",
)
def files_hold_data(facts: Facts, expect: Paths) -> Iterator[Verdict]:
    """Every declared file has at least one byte."""
    for path in expect.paths:
        length = facts[Ages].lengths[path]
        judge = passed if length else failed
        yield judge(path, reason=f"{length} bytes", observed=str(length), expected="> 0")


@check("acme.raises", title="Raises", severity=Severity.LOW, requires=[], expect=Nothing, remediation="None.")
def raises(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Yields once and raises then."""
    yield passed("first", observed="a", expected="a")
    raise KeyError("bug in a check")


@check("acme.silent", title="Silent", severity=Severity.LOW, requires=[], expect=Nothing, remediation="None.")
def silent(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Comes to no verdict."""
    yield from ()


@check("acme.endless", title="Endless", severity=Severity.LOW, requires=[], expect=Nothing, remediation="None.")
def endless(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Never ends."""
    number = 0
    while True:
        number += 1
        yield passed(str(number), observed="", expected="")


@check(
    "acme.explosive",
    title="Explosive",
    severity=Severity.LOW,
    requires=[Explosive],
    expect=Nothing,
    remediation="None.",
)
def on_explosive(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Needs a fact whose collector has a bug."""
    yield passed(observed="", expected="")


@check("acme.twice", title="Twice", severity=Severity.LOW, requires=[], expect=Nothing, remediation="None.")
def twice(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Says two things about one subject."""
    yield passed("x", observed="", expected="")
    yield failed("x", reason="worse", observed="", expected="")
    yield unproven("x", kind=UnprovenKind.ERROR, reason="milder")


@check("acme.given", title="Given", severity=Severity.INFO, requires=[Now, Target], expect=Nothing, remediation="None.")
def given(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Uses what the engine itself provides."""
    yield passed(facts[Target].host, observed=facts[Now].at.isoformat(), expected="a moment")
