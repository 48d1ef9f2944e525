"""Timelines of backups: a digit for each day, the newest copies, and what is not known as such."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from secaudit.checks.backup.expect import BorgFreshness, FileFreshness, ResticFreshness
from secaudit.checks.backup.facts import (
    Archive,
    Archives,
    BackupFile,
    BackupFolders,
    BorgRepositories,
    FolderListing,
    FolderState,
    ResticRepositories,
    Snapshot,
    Snapshots,
)
from secaudit.checks.backup.panel import timelines
from secaudit.checks.host.facts import HostClock

from secaudit.api import Evidence, Facts, HostView, Now, Outcome, Severity, Unproven, UnprovenKind
from secaudit.model.panel import Panel, PanelLines, PanelTable, Tone
from tests.checks.judging import AT
from tests.tui.scenes import result

from .given import clock

EVIDENCE = Evidence("test", 0, None, "")
DAY = timedelta(days=1)
FILES = FileFreshness.model_validate(
    {"datasets": {"shop": {"path": "/b/*.gz", "max_age": "26h"}, "gone": {"path": "/g/x", "max_age": "1d"}}}
)
RESTIC = ResticFreshness.model_validate(
    {"repositories": {"all": {"repository": "/r", "password_file": "/p", "max_age": "2d", "host": "web1"}}}
)
BORG = BorgFreshness.model_validate({"repositories": {"db": {"repository": "/o", "max_age": "1d", "archives": "db-*"}}})


def file(age: timedelta) -> BackupFile:
    return BackupFile("shop\x1b.gz", AT - age, 2048, EVIDENCE)


def snapshot(host: str, age: timedelta) -> Snapshot:
    return Snapshot("abcdef0123", AT - age, host, frozenset({"/srv"}), None, None, EVIDENCE)


def view() -> HostView:
    shop, gone = FILES.datasets.values()
    listed = FolderListing(FolderState.LISTED, (file(3 * timedelta(hours=1)), file(DAY), file(40 * DAY)), EVIDENCE)
    facts = {
        Now: Now(AT),
        HostClock: clock(),
        BackupFolders: BackupFolders(
            {
                shop.listing: listed,
                gone.listing: FolderListing(FolderState.MISSING, (), EVIDENCE),
            }
        ),
        ResticRepositories: ResticRepositories(
            {RESTIC.repositories["all"].listing: Snapshots((snapshot("web1", 5 * DAY), snapshot("x", DAY)), EVIDENCE)}
        ),
        BorgRepositories: BorgRepositories(
            {BORG.repositories["db"].listing: Archives((Archive("1", "other", AT, EVIDENCE),), EVIDENCE)}, {}
        ),
    }
    return HostView(Facts(facts), (), (FILES, RESTIC, BORG))


def parts() -> dict[str, PanelLines]:
    made = timelines.build(view())
    assert isinstance(made, Panel)
    return {part.caption: part for part in made.parts if isinstance(part, PanelLines)}


def test_a_dataset_has_its_days_and_newest_copies() -> None:
    shop = parts()["shop: /b/*.gz"]
    days, age = shop.lines[0]
    assert days.text == "·" * 28 + "11"
    assert (age.text, age.tone) == ("newest 3h old (1d 2h allowed)", Tone.GOOD)
    assert [line[0].text.strip() for line in shop.lines[1:]] == [
        "2026-11-24 01:00",
        "2026-11-23 04:00",
        "2026-10-15 04:00",
    ]


def test_old_absent_and_foreign_copies_do_not_look_good() -> None:
    found = parts()
    assert found["all: restic /r"].lines[0][1].text == "newest 5d old (2d allowed)"
    assert found["all: restic /r"].lines[0][1].tone is Tone.HIGH
    assert found["db: borg /o"].lines[0][1].text.startswith("no copy at all")
    assert found["gone: /g/x"].lines[0][0].tone is Tone.UNSURE


def test_what_was_not_asked_for_is_not_known() -> None:
    empty = Facts({Now: Now(AT), BackupFolders: Unproven(UnprovenKind.DENIED, "no permission")})
    made = timelines.build(HostView(empty, (), (FILES,)))
    assert isinstance(made, Panel)
    assert all("no permission" in part.lines[0][0].text for part in made.parts if isinstance(part, PanelLines))
    assert timelines.build(HostView(empty, (), ())) is None


def test_without_baselines_it_tells_what_was_judged() -> None:
    judged = replace(result("web1", "shop", Outcome.FAILED, Severity.HIGH, "3d old"), family="backup")
    made = timelines.build(HostView(Facts({}), (judged,)))
    assert isinstance(made, Panel)
    (table,) = made.parts
    assert isinstance(table, PanelTable)
    assert [word.text for word in table.rows[0]] == ["failed", "ports", "shop", "3d old"]
    assert "--inventory" in made.lead
