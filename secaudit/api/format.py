"""Output formats: what an entry point in the group `secaudit.formats` names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secaudit.model.run import RunReport


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a run down. `render` is a pure function of the report; the same report gives the same bytes."""

    name: str
    filename: str
    render: Callable[[RunReport], bytes]
