"""What each screen looks like at each size, held against texts that a person has looked at.

`SECAUDIT_REDRAW=1 pytest tests/tui/test_pictures.py` writes them anew; the diff shows what changed.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from secaudit.store import Store, open_store
from secaudit.tui.pages.list_page import Grid
from tests.tui.scenes import FINDINGS, SIZES, drive, fill, press, text, until

PICTURES = Path(__file__).parent / "pictures"


def picture(pilot: Pilot[None]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is only read."""
    made = tmp_path_factory.mktemp("pictures") / "store.db"
    with closing(open_store(str(made))) as opened:
        fill(opened, FINDINGS)
    return made


@pytest.fixture
def store(path: Path) -> Store:
    """The same for every size."""
    return open_store(str(path), read_only=True)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_screens_look_as_they_did(store: Store, size: tuple[int, int]) -> None:
    seen: dict[str, str] = {}

    async def steps(pilot: Pilot[None]) -> None:
        seen["overview"] = picture(pilot)
        await press(pilot, "2")
        await until(pilot, lambda: "2 findings" in text(pilot, "#count") and "reading" not in text(pilot, "#count"))
        await until(pilot, lambda: size[1] < 30 or "Evidence" in text(pilot, "#detail-text"))
        seen["findings"] = picture(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: "Evidence" in text(pilot, "#detail-text"))
        seen["finding"] = picture(pilot)
        await press(pilot, "H")
        await until(pilot, lambda: pilot.app.screen.query_one("#results-grid", Grid).row_count == 3)
        seen["host"] = picture(pilot)

    with closing(store):
        drive(store, steps, size, read_only=True)
    for name, shown in seen.items():
        file = PICTURES / f"{name}-{size[0]}x{size[1]}.txt"
        if os.environ.get("SECAUDIT_REDRAW"):
            PICTURES.mkdir(exist_ok=True)
            file.write_text(shown, encoding="utf-8")
        assert shown == file.read_text(encoding="utf-8")
