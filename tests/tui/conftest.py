"""The store that most tests of the dashboard look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from secaudit.store import Store, open_store
from tests.tui.scenes import FINDINGS, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two hosts: web1 with a critical failure and hostile text, web2 clean."""
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as opened:
        fill(opened, FINDINGS)
        yield opened
