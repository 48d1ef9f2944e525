"""Writing files, and a small family of checks to hold baselines against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Literal

import pytest
from pydantic import Field, IPvAnyNetwork

from secaudit.api import Duration, Expect
from secaudit.config.errors import ConfigError
from secaudit.model.severity import Severity

Write = Callable[[str, str], Path]


class Networks(Expect):
    networks: list[IPvAnyNetwork] = Field(alias="from")


class Ports(Expect):
    tcp: dict[int, Networks | Literal["any"]]
    scan: str = "1-65535"


class Age(Expect):
    max_age: Duration
    warn: bool = False


class Faulty(Expect):
    def __init__(self, **data: object) -> None:
        raise RuntimeError("a defect of the plugin")


@dataclass(frozen=True)
class SampleCheck:
    title: str
    severity: Severity
    expect: type[Expect]


CHECKS: Mapping[str, SampleCheck] = {
    "demo.ports": SampleCheck("Ports", Severity.HIGH, Ports),
    "demo.age": SampleCheck("Age", Severity.LOW, Age),
    "demo.faulty": SampleCheck("Faulty", Severity.LOW, Faulty),
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write an indented text to a file below the current directory, and return its relative path."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    return write_file


def messages(action: Callable[[], object]) -> list[str]:
    """The lines of the ConfigError that the action must raise."""
    with pytest.raises(ConfigError) as caught:
        action()
    return str(caught.value).splitlines()
