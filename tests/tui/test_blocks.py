"""The block of the last scans: what counts as a success."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secaudit.model.run import RunInfo
from secaudit.store.records import RunOverview
from secaudit.tui.pages.blocks import Blocks, blocks
from secaudit.tui.themes import LOOKS
from tests.tui.scenes import NOW


@pytest.mark.parametrize(
    ("complete", "recheck", "shown"),
    [
        (2, False, "✓ 24 Nov 08:12  2/2 hosts"),
        (1, False, "? 24 Nov 08:12  1/2 hosts"),
        (0, True, "0/2 hosts · re-check"),
    ],
)
def test_only_hosts_that_were_read_to_the_end_are_a_success(complete: int, recheck: bool, shown: str) -> None:
    run = RunInfo("run-1", NOW, NOW, "1", recheck=recheck)
    empty = Blocks((), (), (), (), (), ())
    found = blocks(replace(empty, runs=(RunOverview(run, 2, 2, complete),)), {}, NOW, LOOKS["dark"]).plain
    assert shown in found
