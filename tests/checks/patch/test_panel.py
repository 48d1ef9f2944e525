"""Packages with fixes: flaws by their severity, updates with security first, and what is not known as such."""

from __future__ import annotations

from pathlib import Path

from secaudit.checks.patch.exposure import Exposures, expose
from secaudit.checks.patch.facts import KeptBack, PendingUpdate, PendingUpdates
from secaudit.checks.patch.panel import pending

from secaudit.api import Facts, HostView, Now, Unproven, UnprovenKind
from secaudit.model.panel import Panel, PanelTable, Tone
from tests.checks.judging import AT

from .feeding import advisories, osv
from .given import NOWHERE, packages

UPDATES = PendingUpdates(
    "dpkg",
    (
        PendingUpdate("bash", "amd64", "5.1", "5.2", ("Debian:12/stable",), False, NOWHERE),
        PendingUpdate("openssl\x1b", "amd64", "3.0.1", "3.0.2", ("Debian-Security:12",), True, NOWHERE),
    ),
    (KeptBack("linux-image", NOWHERE),),
    NOWHERE,
)
NO_FEEDS = Unproven(UnprovenKind.STALE, "no feed was imported")


def panel_of(exposures: object, updates: object) -> Panel:
    made = pending.build(HostView(Facts({Now: Now(AT), Exposures: exposures, PendingUpdates: updates}), ()))
    assert isinstance(made, Panel)
    return made


def rows(made: Panel, at: int = 0) -> list[list[str]]:
    table = made.parts[at]
    assert isinstance(table, PanelTable)
    return [[word.text for word in row] for row in table.rows]


def test_without_feeds_the_package_manager_tells() -> None:
    made = panel_of(NO_FEEDS, UPDATES)
    assert "no feed was imported" in made.lead
    assert [row[:2] for row in rows(made)] == [["security", "openssl\x1b"], ["update", "bash"], ["?", "linux-image"]]


def test_flaws_that_can_be_repaired_are_listed_with_the_version_that_does(tmp_path: Path) -> None:
    known = advisories(tmp_path, osv("DSA-1", "openssl", "3.0.2"), osv("DSA-2", "zlib", "9"))
    made = panel_of(expose(packages(("openssl", "3.0.1"), ("bash", "5.1")), known), Unproven(UnprovenKind.MISSING, "x"))
    ((severity, package, version, repaired, named),) = rows(made)
    assert (package, version, repaired) == ("openssl", "3.0.1", "3.0.2")
    assert "DSA-1" in named
    assert severity
    assert "What would be updated is not known: x" in made.lead
    assert "2 packages" in made.lead


def test_a_hint_of_severity_is_never_colour_only() -> None:
    table = panel_of(NO_FEEDS, UPDATES).parts[0]
    assert isinstance(table, PanelTable)
    assert (table.rows[0][0].tone, table.rows[0][0].text) == (Tone.HIGH, "security")
