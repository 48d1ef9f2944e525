"""Waivers: what they mean, and every way to get one wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from secaudit.config.waivers import load_waivers
from secaudit.model.baseline import Location
from secaudit.model.waiver import WaiverGrant
from tests.config.conftest import Write, messages

SMALL = "- {control: open-ports, owner: anna, reason: migration, expires: 2027-01-31}\n"


def test_the_whole_and_the_least(write: Write) -> None:
    write(
        "waivers/muster.yaml",
        """\
        - control: open-*
          host: web?
          tag: prod
          subject: tcp/8080
          owner: anna@provider.example
          approver: chief@muster.example
          reason: migration
          compensation: firewall in front
          start: 2026-12-01T08:00+01:00
          expires: 2027-01-31T18:00+01:00
          while_passed: [waf]
          customer: zettel
        - {control: open-ports, owner: anna, reason: migration, expires: 2027-01-31, start: 2026-12-01}
        """,
    )
    write("waivers/zettel.yaml", "[]")
    whole, least = load_waivers(Path("waivers"))
    assert whole == WaiverGrant(
        customer="zettel",
        control="open-*",
        owner="anna@provider.example",
        reason="migration",
        expires=datetime(2027, 1, 31, 17, tzinfo=UTC),
        location=Location("waivers/muster.yaml", 1, 3),
        host="web?",
        tag="prod",
        subject="tcp/8080",
        approver="chief@muster.example",
        compensation="firewall in front",
        start=datetime(2026, 12, 1, 7, tzinfo=UTC),
        while_passed=("waf",),
    )
    assert whole.name == "open-*@web?#prod/tcp/8080"
    assert (least.customer, least.name) == ("muster", "open-ports@*/*")
    assert least.start == datetime(2026, 12, 1, tzinfo=UTC)
    assert least.expires == datetime(2027, 2, 1, tzinfo=UTC), "its last day counts"


def test_the_example_set_is_valid() -> None:
    with resources.as_file(resources.files("secaudit.config") / "examples" / "waivers") as folder:
        (grant,) = load_waivers(folder)
    assert grant.customer == "example"
    assert not grant.is_too_broad


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("owner: anna, ", "", "1:3: the key 'owner' is missing"),
        ("owner: anna", "owner: ''", "1:32: owner: must not be empty"),
        ("owner", "ownr", "1:25: unknown key 'ownr' (did you mean 'owner'?)"),
        ("owner: anna", "owner: anna, host: ", "1:44: host: expected text, found nothing"),
        (
            "2027-01-31",
            "31.01.2027",
            "1:66: '31.01.2027' is not a day; write for example 2026-12-24",
        ),
        ("2027-01-31", "9999-12-31", "1:66: 9999-12-31 is not between 1970 and 2199; leave out what has no end"),
        (
            "2027-01-31",
            "9999-12-31T23:59-10:00",
            "1:66: 9999-12-31 is not between 1970 and 2199; leave out what has no end",
        ),
        (
            "2027-01-31",
            "2027-01-31T18:00",
            (
                "1:66: '2027-01-31T18:00' has no time zone; write a day such as 2027-01-31, or a time with its zone "
                "such as 2027-01-31T18:00+01:00"
            ),
        ),
        (
            "2027-01-31",
            "2027-01-31, start: 2027-02-01",
            "1:3: the waiver expires at 2027-02-01 00:00 UTC, before it starts at 2027-02-01 00:00 UTC",
        ),
        ("- {", "{", "1:1: expected a list of waivers (begin each entry with '- ')"),
    ],
)
def test_bad_waivers(write: Write, old: str, new: str, message: str) -> None:
    assert old in SMALL
    found = messages(lambda: load_waivers(write("w.yaml", SMALL.replace(old, new))))
    assert f"w.yaml:{message}" in found


def test_the_problems_of_all_entries_are_told(write: Write) -> None:
    write("w/a.yaml", SMALL.replace("owner", "x") + SMALL + SMALL.replace("expires", "y"))
    write("w/b.yaml", "- 5")
    found = messages(lambda: load_waivers(Path("w")))
    assert [line.partition(": ")[0] for line in found] == [
        "w/a.yaml:1:3",
        "w/a.yaml:1:25",
        "w/a.yaml:3:3",
        "w/a.yaml:3:57",
        "w/b.yaml:1:3",
    ]
