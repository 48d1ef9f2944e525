"""What the command line brings to the dashboard, over the installed families and a small store."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path

import pytest

from secaudit.api import Platform
from secaudit.cli.exits import CommandError
from secaudit.cli.host_facts import fact_sheets
from secaudit.cli.ui_services import Sources, make_services, may_write
from secaudit.config.waivers import load_waivers
from secaudit.model.answer import Answer, AnswerStatus
from secaudit.model.feed import FeedStamp
from secaudit.model.waiver import WaiverGrant
from secaudit.plugins import Registry, discover
from secaudit.store import open_store
from secaudit.tui.services import WaiverDraft
from tests.tui.scenes import FINDINGS, SCANNED, fill, transcript


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The families that are installed."""
    return discover()


@pytest.mark.parametrize(
    ("answered", "shown"),
    [
        ({"status": AnswerStatus.ENDED, "exit": 0, "stdout": b'ID=debian\nVERSION_ID="12"\n'}, "id: debian"),
        ({"status": AnswerStatus.DENIED, "detail": "no permission"}, "unproven (denied)"),
    ],
)
def test_facts_are_read_from_a_stored_transcript(registry: Registry, answered: dict[str, object], shown: str) -> None:
    (fact,) = (fact for fact in registry.collectors if fact.__name__ == "OsRelease")
    requests = registry.collectors[fact].requests
    assert not callable(requests)
    answers = tuple(Answer(request, started=SCANNED, **answered) for request in requests)  # type: ignore[arg-type]  # by name
    sheets = {sheet.title: sheet for sheet in fact_sheets(replace(transcript("web1"), answers=answers), registry)}
    assert shown in "\n".join((*sheets["OsRelease"].lines, sheets["OsRelease"].trouble))
    assert "Packages" not in sheets, "nothing was asked for it"


def test_exports_reports_baselines_and_pages(registry: Registry, tmp_path: Path) -> None:
    url = str(tmp_path / "store.db")
    with closing(open_store(url)) as store:
        fill(store, FINDINGS)
        report = store.report("run-1")
    services = make_services(Sources(url, None, None, None, tmp_path / "out"), registry, read_only=False)
    assert services.export is not None
    assert b"tcp/8080" in services.export(report, "csv").read_bytes()
    assert services.baselines is not None
    assert "linux-server" in {name for name, _ in services.baselines()}
    assert services.check_page is not None
    assert "expect" in services.check_page("network.open-ports")
    assert services.recheck is None
    assert "--inventory" in services.why("recheck")


def test_read_only_leaves_no_service_that_changes_anything(registry: Registry, tmp_path: Path) -> None:
    sources = Sources(str(tmp_path / "store.db"), tmp_path, None, None, tmp_path)
    services = make_services(sources, registry, read_only=True)
    assert (services.recheck, services.record, services.waive) == (None, None, None)
    assert "read-only" in services.why("waive")
    assert not may_write(str(tmp_path / "absent.db"))
    assert may_write("postgresql+psycopg://audit@db/secaudit")


def test_the_fleet_screen_learns_what_runs_next(tmp_path: Path, registry: Registry) -> None:
    """Firings come from the schedule files, soonest first; without a directory the screen says why it has none."""
    (tmp_path / "nightly.yaml").write_text(
        "schedule: nightly\ncron: '0 2 * * *'\ntimezone: UTC\ninventory: .\ncustomers: [muster]\n"
    )
    sources = Sources("sqlite://", None, None, None, tmp_path, tmp_path)
    schedules = make_services(sources, registry, read_only=True).schedules
    assert schedules is not None
    firings = schedules()
    assert {(one.schedule, one.what, one.at.hour) for one in firings} == {("nightly", "muster", 2)}
    assert list(firings) == sorted(firings, key=lambda one: one.at)
    without = make_services(replace(sources, schedules=None), registry, read_only=True)
    assert without.schedules is None
    assert "--schedules" in without.why("schedules")


def test_a_waiver_goes_where_a_scan_reads_it_and_can_be_taken_back(registry: Registry, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    hosts = "{web1: {address: 10.0.0.1, baselines: [base]}}"
    text = f"customer: {{id: muster, name: Muster GmbH}}\nsites: {{vienna: {{hosts: {hosts}}}}}\n"
    (inventory / "muster.yaml").write_text(text)
    sources = Sources(str(tmp_path / "store.db"), inventory / "muster.yaml", None, None, tmp_path)
    waive = make_services(sources, registry, read_only=False).waive
    assert waive is not None
    expires = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    draft = WaiverDraft("muster", "ports", "web1", escape("tcp/[8080]*"), "anna", "migration: step 1", expires)
    undo = [waive(draft)]
    file = inventory / "waivers" / "muster.yaml"
    first = file.read_bytes()
    undo.append(waive(replace(draft, subject="")))
    whole, of_the_host = load_waivers(file)
    assert whole.reason == "migration: step 1"
    covered = [one for one in ("tcp/[8080]*", "tcp/8080", "tcp/[8080]x", "") if covers(whole, one)]
    assert covered == ["tcp/[8080]*"]
    assert [one for one in ("", "tcp/8080") if covers(of_the_host, one)] == [""]

    undo.pop()()
    assert file.read_bytes() == first
    file.write_bytes(first + b"# somebody was here\n")
    with pytest.raises(CommandError, match="was changed since"):
        undo[0]()
    assert file.read_bytes().startswith(first)
    file.write_bytes(first)
    undo[0]()
    assert not file.exists()
    with pytest.raises(CommandError, match="2001"):
        waive(replace(draft, expires="2001-01-01"))
    assert not file.exists()


def covers(grant: WaiverGrant, subject: str) -> bool:
    return grant.covers(replace(FINDINGS["web1"][1], subject=subject))


def test_the_reference_data_of_now_are_told(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECAUDIT_FEEDS", str(tmp_path))
    feeds = make_services(Sources("sqlite://", None, None, None, tmp_path), registry, read_only=True).feeds
    assert feeds is not None
    assert not feeds()


class Fetched:
    """Reference data of yesterday."""

    def __init__(self, name: str) -> None:
        self.stamps = (FeedStamp(name, SCANNED - timedelta(days=1), ""),)

    def load(self, platform: Platform | None) -> object:
        raise AssertionError("nobody asks for what is in them")


def test_reference_data_are_as_old_as_the_baselines_of_the_inventory_allow(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strictest one counts; what checks allow by themselves, where none says anything."""
    monkeypatch.setattr("secaudit.cli.ui_feeds.open_source", lambda one, _place: Fetched(one.fact.__name__))

    def limits(inventory: Path | None) -> dict[str, timedelta | None]:
        feeds = make_services(Sources("sqlite://", inventory, None, None, tmp_path), registry, read_only=True).feeds
        assert feeds is not None
        return {feed.stamp.name: feed.limit for feed in feeds()}

    days = {
        "Advisories": 3,
        "ExploitScores": 3,
        "LanguageAdvisories": 3,
        "KnownExploited": 7,
        "AnnouncedSupport": 180,
    }
    shipped: dict[str, timedelta | None] = {name: timedelta(days=limit) for name, limit in days.items()}
    assert limits(None) == shipped | {"Statements": None}
    hosts = ""
    for name, age in (("a", "9d"), ("b", "5d")):
        (tmp_path / f"{name}.yaml").write_text(
            f"baseline: {name}\nversion: 1\ncontrols:\n  fixes: {{check: patch.advisories-overdue, severity: high, "
            f"expect: {{feed_max_age: {age}}}}}\n"
        )
        hosts += f"{name}: {{address: 10.0.0.1, baselines: [../{name}.yaml]}}, "
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (inventory / "muster.yaml").write_text(
        f"customer: {{id: muster, name: Muster GmbH}}\nsites: {{vienna: {{hosts: {{{hosts}}}}}}}\n"
    )
    own = shipped | dict.fromkeys(("Advisories", "ExploitScores", "LanguageAdvisories"), timedelta(days=5))
    assert limits(inventory) == own | {"Statements": None}
    (inventory / "muster.yaml").write_text("customer: {}\n")
    assert limits(inventory) == shipped | {"Statements": None}
