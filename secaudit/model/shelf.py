"""The reports that were made for a customer: the material of their index page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secaudit.model.hours import Month


@dataclass(frozen=True, slots=True)
class ShelvedReport:
    """A monthly report as a file beside the index. `format` is `html` or `pdf`, `size` in bytes."""

    file: str
    month: Month
    language: str
    format: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A customer's reports, the newest month first; `at` is when the index was made (aware UTC)."""

    customer: str
    name: str
    timezone: str
    at: datetime
    version: str
    reports: tuple[ShelvedReport, ...]
