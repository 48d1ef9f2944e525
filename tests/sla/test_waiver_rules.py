"""Waivers at random, held against the table of `docs/waivers.md` read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.baseline import Location
from secaudit.model.contract import WaiverRules
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.waiver import WaiverGrant
from secaudit.sla.waivers import CONTROL, apply
from tests.sla.test_waivers import DAY, NOW, WEB, a_result

OPEN = (Outcome.FAILED, Outcome.UNPROVEN)

results = st.lists(
    st.builds(
        a_result, st.sampled_from(["ports", "patch", "waf"]), st.sampled_from(["", "a", "ab"]), st.sampled_from(Outcome)
    ),
    max_size=6,
    unique_by=lambda result: result.fingerprint,
)
ends = st.sampled_from([-30, -1, 0, 1, 30, 90, 91, 400]).map(lambda days: NOW + days * DAY)
grants = st.lists(
    st.builds(
        WaiverGrant,
        customer=st.sampled_from(["muster", "muster", "muster", "zettel"]),
        control=st.sampled_from(["ports", "patch", "p*", "*", "gone"]),
        owner=st.sampled_from(["anna", "bert"]),
        reason=st.just("r"),
        expires=ends,
        location=st.just(Location("w.yaml", 1)),
        host=st.sampled_from(["web1", "web1", "web*", "*", "web2"]),
        tag=st.sampled_from(["", "", "web", "db"]),
        subject=st.sampled_from(["a", "a*", "*", "ab"]),
        approver=st.sampled_from(["", "boss"]),
        start=st.sampled_from([None, -60, 0, 1]).map(lambda days: None if days is None else NOW + days * DAY),
        while_passed=st.sampled_from([(), (), ("waf",)]),
    ).filter(lambda grant: grant.start is None or grant.start < grant.expires),
    max_size=4,
)


def matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def covers(grant: WaiverGrant, result: Result) -> bool:
    return matches(grant.control, result.control) and matches(grant.subject, result.subject)


def concerns(grant: WaiverGrant) -> bool:
    return grant.customer == "muster" and matches(grant.host, "web1") and grant.tag in ("", *WEB.tags)


def row(grant: WaiverGrant, rules: WaiverRules, found: Sequence[Result]) -> str:
    """Which line of the table a waiver is in, on the one host that there is."""
    about = [result for result in found if matches(grant.control, result.control)]
    needed = [result for result in found if result.outcome in OPEN and covers(grant, result)]
    if grant.control == "*" or (grant.host, grant.tag, grant.subject) == ("*", "", "*"):
        return "too broad"
    if "approver" in rules.require and not grant.approver:
        return "incomplete"
    is_over = grant.expires <= NOW
    if not is_over:
        if grant.expires - (grant.start or NOW) > timedelta(days=rules.max_days):
            return "too long"
        if grant.start is not None and grant.start > NOW:
            return "pending"
        guards = [result.outcome for result in found if result.control in grant.while_passed]
        if grant.while_passed and (not guards or any(outcome is not Outcome.PASSED for outcome in guards)):
            return "void"
    if needed:
        return "expired" if is_over else "in force"
    return "unknown" if any(result.outcome is Outcome.UNPROVEN for result in about) else "orphaned"


TROUBLE = ("too broad", "incomplete", "too long", "void", "expired", "orphaned")


@settings(max_examples=500)
@given(given_=grants, found=results, require=st.sampled_from([(), ("approver",)]))
def test_every_waiver_is_what_its_line_of_the_table_says(
    given_: list[WaiverGrant], found: list[Result], require: tuple[str, ...]
) -> None:
    rules = WaiverRules(90, require)
    laid = apply(given_, rules, WEB, found, NOW, {})
    kept, about = laid[: len(found)], laid[len(found) :]
    assert [replace(result, waiver=None) for result in kept] == found, "nothing else changes, and nothing is left out"
    mine = [(grant, row(grant, rules, found)) for grant in given_ if concerns(grant)]
    for result in kept:
        holding = [grant for grant, line in mine if line == "in force" and covers(grant, result)]
        longest = max((grant.expires for grant in holding), default=None) if result.outcome in OPEN else None
        assert (result.waiver.expires if result.waiver else None) == longest
    assert {result.control for result in about} == {CONTROL}
    if not any(result.outcome in (Outcome.PASSED, Outcome.FAILED) for result in found):
        assert {result.outcome for result in about} <= {Outcome.UNPROVEN, Outcome.NOT_APPLICABLE}
        return
    told = [
        (grant.name, line)
        for grant, line in mine
        if (grant.host == "web1" and not grant.tag)
        or any(result.outcome in OPEN and covers(grant, result) for result in found)
    ]
    in_order = {name for name, line in told if line in ("in force", "unknown", "pending")}
    wrong = {name for name, line in told if line in TROUBLE} - in_order
    assert {result.subject for result in about if result.outcome is Outcome.FAILED} == wrong
    assert {result.subject for result in about if result.subject} == {name for name, _ in told}
