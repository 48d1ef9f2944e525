"""A store of one's own for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from secaudit.store import Store, open_store


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, migrated once for all tests."""
    path = tmp_path_factory.mktemp("store") / "template.sqlite"
    open_store(str(path)).close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's store lies or will lie."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(template: Path, path: Path) -> Iterator[Store]:
    """An empty store."""
    shutil.copy(template, path)
    with open_store(str(path)) as opened:
        yield opened
