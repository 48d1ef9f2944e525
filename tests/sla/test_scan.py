"""Waivers, deadlines and what people do about findings, from the command line on a real scan of this machine."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.command_line import Run, command_line

INVENTORY = """\
customer: {id: muster, name: Muster GmbH}
sites: {vienna: {hosts: {here: {transport: local, baselines: [../own.yaml]}}}}
"""
BASELINE = """\
baseline: own
version: 1
controls:
  room: {check: host.filesystem-usage, severity: high, expect: {used: 99, inodes: 99, mounts: {/: {used: 1}}}}
"""
CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH}
valid: {from: 2026-01-01}
calendar: {timezone: Europe/Berlin, hours: {mon-fri: ["08:00-17:00"]}}
priorities: {P2: {from: [high], response: {time: 1h}, remediation: {time: 5bd}}}
sla: {pause_reasons: [vendor-fix], max_pause: 10d}
"""
WAIVER = "- {control: room, host: here, subject: /, owner: anna, reason: new disks, expires: 2026-12-24}\n"
AT = ("--at", "2026-11-20T10:00:00+01:00")
SCAN = ("scan", "--inventory", "inventory", "--format", "json", "--quiet", *AT)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in a directory with an inventory, a baseline and a contract."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("STORE", "INVENTORY", "PLUGINS", "CONTRACTS", "WAIVERS"):
        monkeypatch.delenv(f"SECAUDIT_{name}", raising=False)
    for path, text in (
        ("inventory/muster.yaml", INVENTORY),
        ("own.yaml", BASELINE),
        ("contracts/muster.yaml", CONTRACT),
    ):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text)

    return command_line(capsys)


def results(out: str) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Results of a results.json by control and subject."""
    return {(result["control"], result["subject"]): result for result in json.loads(out)["results"]}


def write_waivers(text: str) -> None:
    Path("waivers").mkdir(exist_ok=True)
    Path("waivers/muster.yaml").write_text(text)


ROOT = ("room", "/")
ABOUT = ("waivers.in-order", "room@here//")


def test_a_scan_with_contract_and_waiver(run: Run) -> None:
    plain = results(run(*SCAN)[1])
    assert plain[ROOT]["due"] == "2026-11-27T09:00:00Z"
    assert plain[ROOT]["waiver"] is None
    assert not any(control == "waivers.in-order" for control, _ in plain)

    write_waivers(WAIVER)
    ended, out, _ = run(*SCAN, "--fail-on", "high", "--record", "bundle")
    under = results(out)
    assert ended == 0, "a waived failure does not block"
    assert under[ROOT]["outcome"] == "failed"
    assert under[ROOT]["waiver"] == {
        "owner": "anna",
        "reason": "new disks",
        "expires": "2026-12-25T00:00:00Z",
        "approver": "",
        "compensation": "",
    }
    assert under[ABOUT]["outcome"] == "passed"
    assert under[ROOT]["due"] == "2026-12-31T16:00:00Z", "its clock goes on when the waiver ends"

    write_waivers(WAIVER.replace("2026-12-24", "2026-11-18"))
    over = results(run(*SCAN)[1])
    assert over[ROOT]["waiver"] is None
    assert (over[ABOUT]["outcome"], over[ABOUT]["observed"]) == ("failed", "expired")

    write_waivers(WAIVER)
    replayed = results(run("scan", "replay:bundle", "--waivers", "waivers", "--format", "json", "--quiet", *AT)[1])
    assert replayed[ROOT]["waiver"] == under[ROOT]["waiver"]
    assert replayed[ROOT]["due"] is None, "a replay without --contracts knows no promise"


def test_what_was_wrong_with_a_waiver_is_over_when_its_file_is_gone(run: Run) -> None:
    write_waivers(WAIVER.replace("2026-12-24", "2026-11-18"))
    run(*SCAN)

    def wrong() -> list[str]:
        listed = json.loads(run("findings", "list", "--json")[1])
        return [found["control"] for found in listed if found["control"] == "waivers.in-order"]

    assert wrong()
    Path("waivers/muster.yaml").unlink()
    later = (*SCAN[:-1], "2026-11-21T10:00:00+01:00")
    assert ("waivers.in-order", "") in results(run(*later)[1])
    assert not wrong()
    assert not any(control == "waivers.in-order" for control, _ in results(run(*later)[1])), "then nothing is said"


def test_a_scan_of_some_controls_says_nothing_about_waivers(run: Run) -> None:
    write_waivers(WAIVER.replace("room", "other"))
    assert set(results(run(*SCAN, "--only", "room")[1])) == set(results(run(*SCAN)[1])) - {
        ("waivers.in-order", "other@here//")
    }


def test_a_scan_of_some_controls_leaves_waivers_that_depend_on_others_as_they_were(run: Run) -> None:
    """Looking at one control again must not take its waiver away, nor bring back one that is void."""
    spare = "  spare: {check: host.filesystem-usage, severity: low, expect: {used: 99, inodes: 99}}\n"
    Path("own.yaml").write_text(BASELINE + spare)
    write_waivers(WAIVER.replace("expires:", "while_passed: [spare], expires:"))
    assert results(run(*SCAN)[1])[ROOT]["waiver"] is not None
    again = results(run(*SCAN, "--only", "room")[1])
    assert {control for control, _ in again} == {"room"}
    assert again[ROOT]["waiver"] is not None
    (found,) = [each for each in json.loads(run("findings", "list", "--json")[1]) if each["control"] == "room"]
    assert found["waived"]

    Path("own.yaml").write_text(
        BASELINE + spare.replace("used: 99, inodes", "used: 99, mounts: {/: {used: 1}}, inodes")
    )
    assert results(run(*SCAN)[1])[ROOT]["waiver"] is None
    assert results(run(*SCAN, "--only", "room")[1])[ROOT]["waiver"] is None


def test_what_people_do_about_a_finding(run: Run) -> None:
    identity = results(run(*SCAN)[1])[ROOT]["fingerprint"]
    ended, out, err = run("findings", "ack", identity, "--by", "anna")
    assert (ended, out.split(" [")[0], err) == (0, f"{identity}: acknowledged by anna", "")
    ended, _, err = run("findings", "ack", identity, "--by", "bert")
    assert ended == 2
    assert "was acknowledged by anna" in err
    pause = ("findings", "pause", identity, "--by", "anna", "--note", "ticket\x1b 5")
    assert run(*pause, "--reason", "lunch", "--for", "1h")[::2] == (
        2,
        "the contract knows no pause reason 'lunch'; it allows: vendor-fix\n",
    )
    assert run(*pause, "--reason", "vendor-fix", "--for", "11d")[::2] == (
        2,
        "the contract allows a pause of 10d at most\n",
    )
    ended, out, _ = run(*pause, "--reason", "vendor-fix", "--for", "2d")
    assert (ended, out.startswith(f"{identity}: paused by anna until 20")) == (0, True)
    assert run("findings", "note", identity, "disks are ordered", "--by", "bert")[0] == 0
    assert run("findings", "note", identity, " ", "--by", "bert")[::2] == (2, "there is nothing to write down\n")
    assert run("findings", "ack", "0" * 32, "--by", "bert")[2].endswith("see `secaudit findings list`\n")
    ended, out, _ = run("findings", "show", identity)
    assert ended == 0
    assert "response     P2 1h (real clock): " in out
    assert "remediation  P2 5bd (business clock): " in out
    assert "by anna (vendor-fix: ticket\\x1b 5)" in out
    assert "noted by bert (disks are ordered)" in out
    assert run("findings", "resume", identity, "--by", "anna")[0] == 0
    assert run("findings", "resume", identity, "--by", "anna")[0] == 2


def test_what_was_said_about_a_finding_can_be_taken_back(run: Run) -> None:
    """The response clock stands as if nobody had acknowledged it, and what was said can still be read."""
    identity = results(run(*SCAN)[1])[ROOT]["fingerprint"]
    number = run("findings", "ack", identity, "--by", "anna")[1].split("[")[1].split("]")[0]
    assert " left; " not in _response(run, identity)
    run("findings", "note", identity, "disks are ordered", "--by", "bert")
    ended, out, _ = run("findings", "withdraw", identity, "--by", "bert")
    assert (ended, out.startswith(f"{identity}: withdrawn by bert [")) == (0, True)
    ended, out, _ = run("findings", "withdraw", identity, number, "--by", "carl", "--note", "not mine")
    assert (ended, out) == (0, f"{identity}: withdrawn by carl [{number}]\n")
    assert run("findings", "withdraw", identity, "--by", "carl")[0] == 2
    assert "had that taken back by carl on" in run("findings", "withdraw", identity, number, "--by", "carl")[2]
    shown = run("findings", "show", identity)[1]
    assert " left; " in _response(run, identity)
    assert f"acknowledged by anna [{number}], taken back by carl on 20" in shown
    assert shown.count("(not mine)") == 1
    assert "noted by bert (disks are ordered) [" in shown
    assert run("findings", "ack", identity, "--by", "anna")[0] == 0


def _response(run: Run, identity: str) -> str:
    """What the response clock says; what is left of its time, as long as it runs."""
    return next(line for line in run("findings", "show", identity)[1].splitlines() if line.startswith("response"))


def test_without_a_contract_nothing_allows_a_pause(run: Run) -> None:
    identity = results(run(*SCAN)[1])[ROOT]["fingerprint"]
    Path("contracts/muster.yaml").unlink()
    Path("contracts").rmdir()
    ended, _, err = run("findings", "pause", identity, "--by", "anna", "--reason", "vendor-fix", "--for", "1h")
    assert (ended, err) == (2, "no contract of muster is in force, so nothing allows a pause; see --contracts\n")
    assert "response" not in run("findings", "show", identity)[1]


def test_a_broken_contract_or_waiver_stops_the_scan_before_it_begins(run: Run) -> None:
    write_waivers("- {control: room}")
    ended, out, err = run(*SCAN)
    assert (ended, out) == (2, "")
    assert "waivers/muster.yaml:1:3: the key 'owner' is missing" in err
    assert run("scan", "--inventory", "inventory", "--contracts", "none.yaml")[0] == 2


def test_what_is_waived_keeps_its_outcome_and_is_shown_everywhere(run: Run) -> None:
    write_waivers(WAIVER)
    formats = "html,json,sarif,junit,csv"
    place = ("--inventory", "inventory", "--quiet", "--format", formats, "--out", "out", *AT)
    assert run("scan", *place, "--fail-on", "high")[0] == 0
    assert {path.name: "new disks" in path.read_text() for path in Path("out").iterdir()} == {
        "junit.xml": True,
        "report.html": True,
        "results.csv": True,
        "results.json": True,
        "results.sarif": True,
    }
    skipped = [
        case for case in ET.parse("out/junit.xml").getroot().iter("testcase") if case.find("skipped") is not None
    ]
    assert any("/" in case.attrib["name"] and "waived by " in case[0].attrib["message"] for case in skipped)
    table = csv.DictReader(Path("out/results.csv").read_text().splitlines())
    (row,) = [row for row in table if (row["control"], row["subject"]) == ROOT]
    assert (row["outcome"], row["waived_until"]) == ("failed", "2026-12-25T00:00:00Z")
    (suppressed,) = [
        result
        for result in json.loads(Path("out/results.sarif").read_text())["runs"][0]["results"]
        if result.get("suppressions")
    ]
    assert (suppressed["kind"], suppressed["suppressions"][0]["justification"]) == ("fail", "new disks")
    listed = run("findings", "list")[1]
    assert "failed   muster/here  room /: (waived) " in listed
    (plain,) = json.loads(run("findings", "list", "--json")[1])
    assert (plain["outcome"], plain["waived"]) == ("failed", True)
    shown = run("findings", "show", plain["fingerprint"])[1]
    assert "open, latest outcome failed, severity high, waived" in shown
    assert "waived until 2026-12-25 00:00 by anna (new disks)" in shown
    write_waivers("[]")
    run(*SCAN)
    assert "(waived)" not in run("findings", "list")[1]


def waiver_states(out: str) -> list[tuple[str, str]]:
    return [(waiver["subject"], waiver["state"]) for waiver in json.loads(out)]


def test_waivers_are_listed_and_checked(run: Run) -> None:
    assert run("waivers", "list")[::2] == (
        2,
        "there are no waivers here; name their file or directory with --waivers\n",
    )
    run(*SCAN)
    needed = "- {control: room, host: here, subject: /, owner: a, reason: r, start: 2026-01-01, expires: 2099-01-01}\n"
    write_waivers(needed.replace("2099-01-01", "2026-12-24"))
    longer = Path("contracts/muster.yaml")
    ended, out, _ = run("waivers", "list", "--json")
    assert (ended, waiver_states(out)) == (0, [("/", "in force")])
    ended, out, _ = run("waivers", "check", "--json")
    assert (ended, waiver_states(out)) == (0, [("/", "in force")])
    assert len(json.loads(out)[0]["covers"]) == 1

    write_waivers(needed + needed.replace("subject: /", "subject: /srv").replace("2099-01-01", "2026-12-24"))
    ended, out, _ = run("waivers", "check")
    lines = out.splitlines()
    assert ended == 1
    assert "too long" in lines[1]
    assert "orphaned" in lines[2]
    assert "nothing that it covers fails any more" in lines[2]
    longer.write_text(CONTRACT + "waivers: {max_days: 5}\n")
    assert [state for _, state in waiver_states(run("waivers", "list", "--json")[1])] == ["too long", "too long"]


def test_a_waiver_for_a_tag_needs_the_inventory(run: Run) -> None:
    Path("inventory/muster.yaml").write_text(INVENTORY.replace("local,", "local, tags: [prod],"))
    run(*SCAN)
    write_waivers(WAIVER.replace("host: here", "tag: prod"))
    assert waiver_states(run("waivers", "check", "--json")[1]) == [("/", "orphaned")]
    assert waiver_states(run("waivers", "check", "--json", "--inventory", "inventory")[1]) == [("/", "in force")]


def test_a_waiver_is_added_if_it_is_worth_something(run: Run) -> None:
    base = ("waivers", "add", "--customer", "muster", "--control", "room", "--owner", "anna")
    because = ("--reason", 'new "disks": soon #1')
    ended, _, err = run(*base, *because, "--expires", "2027-01-31")
    assert (ended, err.partition(";")[0]) == (
        2,
        (
            "nothing was written: the waiver would be too broad: it covers every control, or a control on every host "
            "and subject"
        ),
    )
    assert not Path("waivers/muster.yaml").exists()
    narrow = (*base, *because, "--host", "here")
    assert "has no time zone" in run(*narrow, "--expires", "2027-01-31T10:00")[2]
    ended, out, _ = run(*narrow, "--expires", "2027-01-31", "--while-passed", "waf")
    assert ended == 0
    assert out.startswith("waivers/muster.yaml: room@here/*: it is in force until 2027-02-01 00:00 UTC")
    Path("waivers/muster.yaml").write_text(Path("waivers/muster.yaml").read_text() + "# kept")
    assert run(*narrow, "--subject", "/", "--start", "2027-01-01", "--expires", "2027-01-31")[0] == 0
    text = Path("waivers/muster.yaml").read_text()
    assert "# kept\n- control" in text
    assert [path.name for path in Path("waivers").iterdir()] == ["muster.yaml"]
    listed = json.loads(run("waivers", "list", "--json")[1])
    assert [(waiver["reason"], waiver["state"]) for waiver in listed] == [
        ('new "disks": soon #1', "in force"),
        ('new "disks": soon #1', "pending"),
    ]


def test_what_is_waived_is_not_waived_again(run: Run) -> None:
    """The same for a longer time, under other conditions or for another subject is something else."""
    base = ("waivers", "add", "--customer", "muster", "--control", "room", "--host", "here", "--owner", "a")
    added = (*base, "--reason", "b", "--expires", "2027-01-31")
    assert run(*added)[0] == 0
    before = Path("waivers/muster.yaml").read_text()
    assert run(*added)[::2] == (2, "nothing was written: waivers/muster.yaml:1 accepts that already\n")
    assert run(*added[:-1], "2027-01-30")[0] == 2
    assert Path("waivers/muster.yaml").read_text() == before
    assert run(*added[:-1], "2027-02-01")[0] == 0
    assert run(*added, "--subject", "/")[0] == 0
    assert run(*added, "--while-passed", "waf")[0] == 0
    assert run(*added, "--while-passed", "waf")[0] == 2
    backwards = run(*added, "--subject", "/x", "--start", "2027-03-01")[2]
    assert backwards == (
        "nothing was written: the waiver expires at 2027-02-01 00:00 UTC, before it starts at 2027-03-01 00:00 UTC\n"
    )


def test_a_waiver_of_a_customer_that_nobody_knows_is_a_slip_of_the_pen(run: Run) -> None:
    added = ("--control", "room", "--host", "here", "--owner", "a", "--reason", "b", "--expires", "2027-01-01")
    assert run("waivers", "add", "--customer", "mustre", *added)[::2] == (
        2,
        "neither a contract nor the inventory knows the customer 'mustre'; did you mean 'muster'?\n",
    )
    assert not Path("waivers").exists()


def test_nothing_is_added_to_a_file_that_is_none(run: Run) -> None:
    write_waivers("customer: muster\n")
    added = ("--control", "room", "--host", "here", "--owner", "a", "--reason", "b", "--expires", "2027-01-01")
    ended, _, err = run("waivers", "add", "--customer", "muster", *added)
    assert ended == 2
    assert err.startswith("waivers/muster.yaml:1:1: ")
    assert Path("waivers/muster.yaml").read_text() == "customer: muster\n"
