"""Controls: what a host is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file that a person wrote; line and column are 1-based."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Control:
    """A check with an expectation, as the merged baselines of a host define it.

    `expect` is the check's own validated model, None when the check's plugin could not be loaded; `broken` then holds
    the reason and the control ends as unproven. `provenance` maps a dotted path (`expect.tcp.22`) to the place that
    set the value.
    """

    id: str
    check: str
    severity: Severity
    expect: BaseModel | None
    location: Location
    remediation: str = ""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provenance: Mapping[str, Location] = field(default_factory=dict)
    broken: str = ""


@dataclass(frozen=True, slots=True)
class BaselineStamp:
    """Which baseline file took part in a run: name, its declared version, and the sha256 of the file's bytes."""

    name: str
    version: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """The merged baselines of one host: controls by id in definition order, and every file that took part."""

    controls: Mapping[str, Control]
    stamps: tuple[BaselineStamp, ...]
