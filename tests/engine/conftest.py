"""The sample family loaded as a plugin, and controls made from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secaudit.model.baseline import Control, Location
from secaudit.model.severity import Severity
from secaudit.plugins import Registry, discover

PLUGINS = Path(__file__).parent / "sample_plugin"


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    """Every installed family and the sample one."""
    yield discover([PLUGINS])
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def control(registry: Registry) -> Callable[..., Control]:
    """Make a control of the sample family: `control("acme.serial", prefix="AC")`."""

    def make(check: str, **expect: Any) -> Control:
        return Control(
            id=f"own-{check.partition('.')[2]}",
            check=check,
            severity=Severity.MEDIUM,
            expect=registry.checks[check].expect(**expect),
            location=Location("own.yaml", 7),
        )

    return make
