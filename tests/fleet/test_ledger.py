"""The ledger survives its process and never lets a schedule overlap itself."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secaudit.fleet.ledger import Ledger, LedgerError

FIRING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def test_an_unseen_schedule_has_no_firing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "state").entry("nightly") as entry:
        assert entry is not None
        assert entry.handled is None


def test_what_was_handled_is_remembered(tmp_path: Path) -> None:
    with Ledger(tmp_path).entry("nightly") as entry:
        assert entry is not None
        entry.handle(FIRING.replace(year=2025))
        entry.handle(FIRING)
    with Ledger(tmp_path).entry("nightly") as entry:
        assert entry is not None
        assert entry.handled == FIRING


def test_a_schedule_does_not_overlap_itself_but_others_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with ledger.entry("nightly") as first, ledger.entry("nightly") as second, ledger.entry("weekly") as other:
        assert first is not None
        assert second is None
        assert other is not None


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    holder = (
        "import sys, os\nfrom pathlib import Path\nfrom secaudit.fleet.ledger import Ledger\n"
        "with Ledger(Path(sys.argv[1])).entry('nightly') as entry:\n"
        "    print(entry is not None, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", holder, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.stdout == "True\n"
    with Ledger(tmp_path).entry("nightly") as entry:
        assert entry is not None


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "nightly").write_bytes(b"\xff yesterday")
    with Ledger(tmp_path).entry("nightly") as entry:
        assert entry is not None
        with pytest.raises(LedgerError, match="does not hold a time"):
            _ = entry.handled


def test_a_file_where_the_directory_is_due(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot keep schedules"), Ledger(tmp_path / "file").entry("nightly"):
        pass
