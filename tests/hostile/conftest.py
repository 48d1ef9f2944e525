"""A store that attacks whoever reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.store import open_store
from tests.hostile.scenes import evil_run


@pytest.fixture(scope="session")
def evil_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only: all tests share it."""
    path = tmp_path_factory.mktemp("evil") / "store.sqlite"
    with open_store(str(path)) as store:
        evil_run(store)
    return path
