"""What the monthly report tells of rules that changed: from two stored transcripts of each host to the page."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from secaudit.checks.firewall import collect
from secaudit.reports.monthly import render
from secaudit.reports.monthly.drift import MOST_HOSTS, MOST_ROWS, MOST_TEXT

from secaudit.api import Answer, AnswerStatus
from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.cli.month_changes import month_changes, phrases
from secaudit.config.contract import load_contracts
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.change import HostChange, Obstacle
from secaudit.model.inventory import Host
from secaudit.model.month import MonthRecord
from secaudit.model.run import HostRecord, RunInfo
from secaudit.model.section import Cell, Mark, Phrase, Section, Table, told
from secaudit.plugins import discover
from secaudit.store import Store, open_store
from secaudit.transcript import digest
from tests.checks.judging import ended, unanswered
from tests.reports import monthly_sample
from tests.reports.parsed import Page
from tests.reports.test_hostile import EVIL, poisoned
from tests.reports.test_monthly_command import AFTER, CONTRACT, OCTOBER
from tests.store.scenes import WEB, a_result

SEPTEMBER, EARLY, MIDDLE, LATE = (
    datetime(2025, 9, 30, 1, tzinfo=UTC),
    datetime(2025, 10, 2, 1, tzinfo=UTC),
    datetime(2025, 10, 15, 1, tzinfo=UTC),
    datetime(2025, 10, 31, 1, tzinfo=UTC),
)
RULES = (
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -s 10.20.0.0/24 -p tcp -m tcp --dport 22 -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
)
OPENS = '-A INPUT -s 203.0.113.7/32 -p tcp -m tcp --dport 5432 -m comment --comment "<b>&{0}</b>" -j ACCEPT'
SENTENCE = "tcp from 203.0.113.7 to port 5432 was dropped, is let through now"


def listing(*rules: str, count: int = 0) -> str:
    """What iptables-save -c prints; counters are never the same twice."""
    lines = [f"[{count + at}:60] {rule}" for at, rule in enumerate(rules)]
    return "\n".join([f"# {count}", "*filter", f":INPUT DROP [{count}:0]", *lines, "COMMIT", ""])


def answers(v4: str | AnswerStatus) -> tuple[Answer, ...]:
    """A host with legacy iptables only; the kernel has no nf_tables."""
    v4_answer = unanswered(collect.IPTABLES, v4) if isinstance(v4, AnswerStatus) else ended(collect.IPTABLES, v4)
    return (
        unanswered(collect.NFT, AnswerStatus.MISSING),
        v4_answer,
        ended(collect.IP6TABLES, "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"),
        unanswered(collect.IPTABLES_LEGACY, AnswerStatus.MISSING),
        unanswered(collect.IP6TABLES_LEGACY, AnswerStatus.MISSING),
        unanswered(collect.IPSET, AnswerStatus.MISSING),
        ended(collect.MODULES, "x_tables 65536 0 - Live 0x0\n"),
    )


def scan(
    store: Store,
    at: datetime,
    v4: str | AnswerStatus,
    host: Host = WEB,
    reach: Reach = Reach.COMPLETE,
    *,
    blind: bool = False,
) -> None:
    """Store one scan of a host; `blind`: every tool was denied."""
    given = () if reach is Reach.UNREACHABLE else answers(v4)
    if blind:
        given = tuple(unanswered(answer.request, AnswerStatus.DENIED) for answer in given)
    transcript = HostTranscript(
        host.customer, host.site, host.name, host.address, at, at + timedelta(seconds=9), reach, "", given
    )
    record = HostRecord(
        host.customer, host.site, host.name, host.address, reach, "", "debian", "12", digest(transcript), "Muster GmbH"
    )
    run_info = RunInfo(f"{host.name}-{at:%m%d}", at, None, "1")
    store.begin(run_info, [host])
    found = replace(a_result(host, "input-policy", "input"), family="firewall", check="firewall.default-policy")
    store.record(run_info, record, [replace(found, first_seen=at)], transcript)
    store.finish(replace(run_info, finished=at + timedelta(minutes=1)))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a contract, which is where commands run; its store is empty."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "muster.yaml").write_text(CONTRACT)
    (tmp_path / "contracts" / "ledger.csv").write_text("date,minutes,kind\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    return tmp_path


def gathered(place: Path) -> MonthRecord:
    with open_store(str(place / "store.db"), read_only=True) as store:
        record = month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER, AFTER)
        return replace(record, host_changes=month_changes(store, record, discover()))


def of_web(place: Path) -> HostChange:
    (found,) = (change for change in gathered(place).host_changes if change.family == "firewall")
    return found


def write(place: Path, *scans: tuple[datetime, str | AnswerStatus]) -> None:
    with open_store(str(place / "store.db")) as store:
        for at, v4 in scans:
            scan(store, at, v4)


def cells(change: HostChange) -> list[str]:
    assert change.section is not None
    tables = [part for part in change.section.parts if isinstance(part, Table)]
    return [told(cell.text, {}) for table in tables for row in table.rows for cell in row]


def test_the_last_scan_before_the_month_is_held_against_the_last_one_in_it(place: Path) -> None:
    write(
        place,
        (SEPTEMBER, listing(*RULES)),
        (MIDDLE, listing(*RULES[:2], count=5)),
        (LATE, listing(*RULES[:3], OPENS, RULES[3], count=9)),
    )
    found = of_web(place)
    assert (found.before, found.after, found.obstacle) == (SEPTEMBER, LATE, None)
    assert SENTENCE in cells(found)


def test_what_came_and_went_within_the_month_is_no_change(place: Path) -> None:
    write(place, (SEPTEMBER, listing(*RULES)), (MIDDLE, listing(*RULES, OPENS)), (LATE, listing(*RULES, count=7)))
    found = of_web(place)
    assert (found.before, found.after) == (SEPTEMBER, LATE)
    assert (found.section, found.obstacle) == (None, None)


def test_without_a_scan_before_the_month_the_first_one_in_it_counts(place: Path) -> None:
    write(place, (EARLY, listing(*RULES)), (LATE, listing(*RULES, OPENS)))
    assert of_web(place).before == EARLY
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--lang", "en"]) == 0
    page = (place / "out" / "muster" / "monthly-2025-10-en.html").read_text()
    assert "the first one in it counts" in page


def test_one_scan_alone_tells_of_no_change(place: Path) -> None:
    write(place, (EARLY, listing(*RULES)))
    found = of_web(place)
    assert (found.section, found.obstacle, found.after) == (None, Obstacle.ONE_SCAN, EARLY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AnswerStatus.DENIED, listing(*RULES)),
        (listing(*RULES), AnswerStatus.DENIED),
        (AnswerStatus.DENIED, AnswerStatus.DENIED),
    ],
)
def test_rules_that_a_scan_did_not_get_to_see_did_not_come_or_go(
    place: Path, before: str | AnswerStatus, after: str | AnswerStatus
) -> None:
    write(place, (SEPTEMBER, before), (LATE, after))
    found = of_web(place)
    assert (found.section, found.obstacle) == (None, Obstacle.UNTOLD)
    assert "iptables rules cannot be seen" in found.reason


def test_a_filter_that_no_tool_shows_is_not_known(place: Path) -> None:
    with open_store(str(place / "store.db")) as store:
        scan(store, SEPTEMBER, listing(*RULES))
        scan(store, LATE, listing(*RULES), blind=True)
    found = of_web(place)
    assert (found.section, found.obstacle) == (None, Obstacle.UNREAD_AFTER)
    page = Page(render(gathered(place), "en")).identified("firewall").text
    assert "The last of the two scans did not get to see it." in page
    assert "No change" not in page


def test_a_host_that_no_scan_of_the_month_reached_is_not_known(place: Path) -> None:
    write(place, (SEPTEMBER, listing(*RULES)))
    with open_store(str(place / "store.db")) as store:
        scan(store, LATE, "", reach=Reach.UNREACHABLE)
    assert of_web(place).obstacle is Obstacle.NOT_SCANNED


def test_a_last_scan_that_did_not_reach_the_host_is_named(place: Path) -> None:
    write(place, (SEPTEMBER, listing(*RULES)), (MIDDLE, listing(*RULES)))
    with open_store(str(place / "store.db")) as store:
        scan(store, LATE, "", reach=Reach.UNREACHABLE)
    found = of_web(place)
    assert (found.after, found.obstacle) == (MIDDLE, None)
    page = render(gathered(place), "en").decode()
    assert "The scan of 31 Oct 2025, 02:00 did not reach the host." in page


@pytest.mark.parametrize(
    "damage", ["delete from blob where sha256 = ?", "update blob set data = x'00' where sha256 = ?"]
)
def test_a_transcript_that_is_gone_or_damaged_is_not_known(place: Path, damage: str) -> None:
    write(place, (SEPTEMBER, listing(*RULES)), (LATE, listing(*RULES, OPENS)))
    with sqlite3.connect(place / "store.db") as connection:
        wanted = listing(*RULES).encode()
        assert connection.execute(damage, (hashlib.sha256(wanted).digest(),)).rowcount == 1
    found = of_web(place)
    assert (found.section, found.obstacle, found.before, found.after) == (None, Obstacle.GONE, SEPTEMBER, LATE)
    assert str(place) not in render(gathered(place), "de").decode()


@pytest.mark.parametrize(
    ("language", "sentence", "verdict"),
    [
        ("en", SENTENCE, "More open: packets are let through now that were refused before."),
        (
            "de",
            "tcp von 203.0.113.7 an Port 5432 wurde verworfen, wird jetzt durchgelassen",
            "Offener: Pakete kommen jetzt durch, die vorher abgewiesen wurden.",
        ),
    ],
)
def test_the_command_tells_the_planted_rule_in_both_languages(
    place: Path, language: str, sentence: str, verdict: str
) -> None:
    write(place, (SEPTEMBER, listing(*RULES)), (LATE, listing(*RULES, OPENS)))
    with open_store(str(place / "store.db")) as store:
        quiet = replace(WEB, name="web2")
        scan(store, SEPTEMBER, listing(*RULES), quiet)
        scan(store, LATE, listing(*RULES, count=44), quiet)
    month = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--lang", language]
    assert run(month) == 0
    source = (place / "out" / "muster" / f"monthly-2025-10-{language}.html").read_bytes()
    page = Page(source)
    text = page.identified("firewall").text
    assert sentence in text
    assert verdict in text
    assert OPENS.removeprefix("-A INPUT ") in text, "as it stands, a comment and all"
    assert ("No change" if language == "en" else "Keine Änderung") in text
    moments = [one.attributes["datetime"] for one in page.all("time")]
    assert moments.count(SEPTEMBER.isoformat()) == moments.count(LATE.isoformat()) == 2, "both times of both hosts"
    assert b"<b>&" not in source


def a_change(host: str, rows: int = 3, text: str = "tcp dport 22 accept", family: str = "firewall") -> HostChange:
    table = Table(
        Phrase("What was edited"),
        (Phrase("Change"), Phrase("Now")),
        tuple((Cell(Phrase("added"), mark), Cell(text)) for mark in [*Mark, *[Mark.MORE] * rows][:rows]),
        left=2,
    )
    lead = (Phrase("Not proven: {what}.", (("what", text),)),)
    return HostChange(host, family, "Rules of the packet filter", SEPTEMBER, LATE, Section(lead, (table,)))


def test_what_is_too_much_is_counted() -> None:
    changes = tuple(a_change(f"web{number}", MOST_ROWS + 5, "x" * 9000) for number in range(MOST_HOSTS + 3))
    page = Page(render(replace(monthly_sample.small(), host_changes=changes), "en"))
    section = page.identified("firewall")
    assert "3 more hosts changed" in section.text
    assert "and 7 more" in section.text
    assert "x" * (MOST_TEXT + 1) not in section.text
    assert len([one for one in page.all("h4") if one.text.startswith("web")]) == MOST_HOSTS


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_text_of_a_host_can_add_an_element(language: str) -> None:
    unknown = HostChange("db1", "firewall", "Rules", None, LATE, obstacle=Obstacle.UNTOLD, reason="because")
    other = a_change("db1", family="acme")
    changes = (a_change("fw2", len(Mark)), unknown, other)

    def page(evil: str) -> Page:
        hostile = tuple(replace(poisoned(change, evil), family=change.family) for change in changes)
        return Page(render(replace(monthly_sample.small(), host_changes=hostile), language))

    # As long as the other, for narrow columns have a class.
    assert page(EVIL).skeleton == page(" harmless" * (len(EVIL) // len(" harmless"))).skeleton
    assert (
        "{{7*7}}"
        in Page(render(replace(monthly_sample.small(), host_changes=(a_change("fw2", text="{{7*7}}{x}"),)), language))
        .identified("firewall")
        .text
    )


def test_changes_of_other_families_stand_in_the_part_about_what_changed() -> None:
    page = Page(render(replace(monthly_sample.small(), host_changes=(a_change("db1", family="acme"),)), "en"))
    assert "tcp dport 22 accept" in page.identified("changes").text
    assert "tcp dport 22 accept" not in page.identified("firewall").text


def test_a_month_of_fifty_hosts_is_gathered_quickly(place: Path) -> None:
    rules = [f"-A INPUT -s 10.9.{number}.0/24 -p tcp -m tcp --dport 443 -j ACCEPT" for number in range(40)]
    with open_store(str(place / "store.db")) as store:
        for number in range(50):
            host = replace(WEB, name=f"web{number}")
            scan(store, SEPTEMBER, listing(*rules, count=number), host)
            scan(store, LATE, listing(*rules, *([OPENS] if number % 10 == 0 else []), count=900 + number), host)
    registry = discover()
    with open_store(str(place / "store.db"), read_only=True) as store:
        record = month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER, AFTER)
        begun = time.process_time()
        found = month_changes(store, record, registry)
        spent = time.process_time() - begun
    assert sum(change.section is not None for change in found) == 5
    assert sum(change.obstacle is None for change in found) == len(found) == 50
    assert phrases("en") == {}
    assert spent < 3, f"{spent:.2f} s"
