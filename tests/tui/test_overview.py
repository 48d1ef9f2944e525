"""What stands beside the matrix of customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.store.listing import FindingLine
from secaudit.tui.pages.overview import Blocks, blocks
from secaudit.tui.themes import LOOKS

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def a_line(subject: str, outcome: Outcome = Outcome.FAILED) -> FindingLine:
    """A backup that has not been fresh for three days."""
    at = NOW - 3 * DAY
    texts = ("f", "muster", "Muster GmbH", "db1", "vienna", "fresh", "backup.age", "backup", subject, "Old", "old")
    return FindingLine(*texts, Severity.HIGH, outcome, False, at, None, None, "run")


def test_backups_and_waivers_are_told_with_their_times() -> None:
    hostile = a_line("\x1b[31m\u202efiles", Outcome.UNPROVEN)
    side = Blocks((), (), (), (a_line("shop-db"), hostile), ((a_line("tcp/8080"), NOW + 2 * DAY),))
    shown = blocks(side, {}, NOW, next(iter(LOOKS.values()))).plain
    assert "BACKUPS NOT FRESH\n     3d H Muster GmbH  db1       shop-db" in shown
    assert "WAIVERS THAT END" in shown
    assert "48h" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_blocks_without_anything_in_them_are_left_out() -> None:
    shown = blocks(Blocks((), (), (), (), ()), {}, NOW, next(iter(LOOKS.values()))).plain
    assert "BACKUPS" not in shown
    assert "WAIVERS" not in shown
