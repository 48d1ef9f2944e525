"""The family as a whole."""

from __future__ import annotations

import pytest
from secaudit.checks.backup import FAMILY

from secaudit.api import Check


def test_the_checks_of_the_family() -> None:
    assert [check.id for check in FAMILY.checks] == [
        "backup.borg-freshness",
        "backup.file-freshness",
        "backup.restic-freshness",
    ]


@pytest.mark.parametrize("check", FAMILY.checks, ids=lambda check: check.id)
def test_every_check_has_a_page_and_clauses(check: Check) -> None:
    page = FAMILY.page(check)
    assert page is not None
    assert page.startswith(f"# {check.id}")
    assert "unproven" in page
    assert check.references
