"""The hosts of a run: their order on the page and what they are called there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secaudit.model.result import Result
from secaudit.model.run import HostRecord
from secaudit.model.section import HostSection

from ..words import natural, unique

Place = tuple[int, str, tuple[tuple[int, int, str], ...], str]


class Hosts:
    """Order and names of hosts. A name stands alone unless the run covers several customers."""

    def __init__(self, records: Sequence[HostRecord], results: Sequence[Result]) -> None:
        self._positions = {(record.customer, record.host): position for position, record in enumerate(records)}
        self._several = len({record.customer for record in records} | {result.customer for result in results}) > 1

    def label(self, one: Result | HostRecord | HostSection) -> str:
        """`web1`, or `muster/web1` in a run over several customers."""
        return f"{one.customer}/{one.host}" if self._several else one.host

    def place(self, result: Result) -> Place:
        """Sort key: the host's position in the run, then the subject in natural order."""
        position = self._positions.get((result.customer, result.host), len(self._positions))
        return (position, self.label(result), natural(result.subject), result.control)

    def labels(self, results: Iterable[Result]) -> tuple[str, ...]:
        """Every host of the results once."""
        return unique(map(self.label, results))
