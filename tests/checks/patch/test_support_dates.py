"""The table of support dates against the distributions' own data."""

from __future__ import annotations

import csv
from datetime import date

import pytest
from secaudit.checks.patch.support_dates import SUPPORT_DATES

from tests.shared_data import shared

EXTENSIONS = {"debian": "eol-lts", "ubuntu": "eol-esm"}


@pytest.mark.parametrize("distribution", EXTENSIONS)
def test_dates_agree_with_the_distribution(distribution: str) -> None:
    with shared(f"patch/eol/{distribution}.csv").open() as file:
        announced = {row["version"].split()[0]: row for row in csv.DictReader(file) if row["version"]}
    ours = [support for support in SUPPORT_DATES.releases.values() if support.distribution == distribution]
    assert len(ours) > 4
    for support in ours:
        row = announced[support.release]
        assert support.until == date.fromisoformat(row["eol"]), support.release
        assert support.extended_until == date.fromisoformat(row[EXTENSIONS[distribution]]), support.release


def test_extensions_have_a_name_and_come_later() -> None:
    for support in SUPPORT_DATES.releases.values():
        assert (support.extended_until is None) == (support.extended_by == "")
        assert support.extended_until is None or support.extended_until > support.until
