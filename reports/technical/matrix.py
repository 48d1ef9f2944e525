"""Hosts against families: where to look, on one screen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from secaudit.model.answer import Reach
from secaudit.model.result import Result
from secaudit.model.run import HostRecord
from secaudit.model.severity import Severity

from ..charts import Segment, stack
from ..states import State, Tally

Targets = Mapping[tuple[str, str, str, State], str]
"""Where the results of a customer's host, family and state begin on the page: an id."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A glyph in a cell: how many results are in that state, and the id where they stand."""

    state: State
    count: int
    target: str


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host with its marks per family (in the order of the matrix) and the share of each state."""

    host: HostRecord
    cells: tuple[tuple[Mark, ...], ...]
    tally: Tally
    segments: tuple[Segment[State], ...]

    @property
    def dead(self) -> bool:
        """Whether nothing is known of it."""
        return self.host.status is Reach.UNREACHABLE or not self.tally.total


@dataclass(frozen=True, slots=True)
class SiteRows:
    """The hosts of one site."""

    customer: str
    site: str
    rows: tuple[HostRow, ...]


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A family's results over all hosts, for the chart of outcomes."""

    family: str
    tally: Tally
    segments: tuple[Segment[State], ...]


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """A family's unwaived failures by severity, critical first; all families' bars are on one scale."""

    family: str
    counts: tuple[tuple[Severity, int], ...]
    segments: tuple[Segment[Severity], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole picture. `families` are in alphabetical order, so that two reports can be laid side by side."""

    families: tuple[FamilyRow, ...]
    sites: tuple[SiteRows, ...]


def matrix(hosts: Sequence[HostRecord], results: Sequence[Result], targets: Targets) -> Matrix:
    """Count results per host and family; hosts keep their order within a site."""
    cells: dict[tuple[str, str], dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    families: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        cells[result.customer, result.host][result.family].append(result)
        families[result.family].append(result)
    names = sorted(families)
    first = _first_of_site(hosts)
    ordered = sorted(hosts, key=lambda host: first[host.customer, host.site])
    sites = tuple(
        SiteRows(customer, site, tuple(_row(host, names, cells[host.customer, host.host], targets) for host in members))
        for (customer, site), members in groupby(ordered, key=lambda host: (host.customer, host.site))
    )
    return Matrix(tuple(_family(name, families[name]) for name in names), sites)


def severity_rows(results: Iterable[Result]) -> tuple[SeverityRow, ...]:
    """Count failed results per family and severity; families without one have no row."""
    counted: dict[str, Counter[Severity]] = defaultdict(Counter)
    for result in results:
        counted[result.family][result.severity] += 1
    scale = max((counter.total() for counter in counted.values()), default=0)
    rows = []
    for family, counter in sorted(counted.items()):
        counts = tuple((severity, counter[severity]) for severity in reversed(Severity))
        rows.append(SeverityRow(family, counts, stack(counts, scale)))
    return tuple(rows)


def _first_of_site(hosts: Sequence[HostRecord]) -> dict[tuple[str, str], int]:
    first: dict[tuple[str, str], int] = {}
    for position, host in enumerate(hosts):
        first.setdefault((host.customer, host.site), position)
    return first


def _family(name: str, results: Sequence[Result]) -> FamilyRow:
    tally = Tally.of(results)
    return FamilyRow(name, tally, stack(tally.counts))


def _row(host: HostRecord, families: Sequence[str], results: Mapping[str, list[Result]], targets: Targets) -> HostRow:
    cells = []
    for family in families:
        worst = Tally.of(results.get(family, ())).worst
        cells.append(
            tuple(
                Mark(state, count, targets.get((host.customer, host.host, family, state), "")) for state, count in worst
            )
        )
    tally = Tally.of(result for members in results.values() for result in members)
    return HostRow(host, tuple(cells), tally, stack(tally.counts))
