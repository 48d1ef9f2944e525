"""Files of the sample data that lie beside the project, or where SECAUDIT_SHARED_DATA says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SECAUDIT_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def shared(name: str) -> Path:
    """A file or folder of the sample data; skips the test where it is not at hand."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no shared sample data at {path}")
    return path
