"""What is unproven, passed or not applicable, folded so that a report over many hosts stays readable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from secaudit.model.outcome import UnprovenKind
from secaudit.model.result import Result
from secaudit.model.severity import Severity

from ..excerpts import Excerpt, excerpts
from ..wording import Wording
from ..words import unique
from .anchors import Anchors
from .hosts import Hosts

MOST_ROWS = 100
"""Different observations of one passed control that get a row each."""

MOST_CHECKS = 500
"""Unproven results of one obstacle that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stood in the way, and every result that it left unproven.

    The excerpts are those of the gravest result; `witness` is its host.
    """

    anchor: str
    reason: str
    severity: Severity
    hosts: tuple[str, ...]
    controls: tuple[str, ...]
    results: tuple[Result, ...]
    witness: str
    excerpts: tuple[Excerpt, ...]

    @property
    def shown(self) -> tuple[Result, ...]:
        """The results that are listed one by one."""
        return self.results[:MOST_CHECKS]


@dataclass(frozen=True, slots=True)
class KindBlock:
    """All obstacles of one kind of `unproven`."""

    kind: UnprovenKind | None
    obstacles: tuple[Obstacle, ...]

    @property
    def total(self) -> int:
        """How many results."""
        return sum(len(obstacle.results) for obstacle in self.obstacles)


@dataclass(frozen=True, slots=True)
class Place:
    """Hosts on which the same subjects are meant; no subject means the host as a whole."""

    hosts: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one control that say the same: where, and what was seen or why it does not apply."""

    control: str
    title: str
    said: str
    expected: str
    places: tuple[Place, ...]
    count: int


@dataclass(frozen=True, slots=True)
class FamilyBlock:
    """Passed or not applicable results of one family. `left` results are counted but have no row."""

    anchor: str
    family: str
    rows: tuple[Row, ...]
    total: int
    left: int


def unproven(results: Iterable[Result], hosts: Hosts, anchors: Anchors, words: Wording) -> tuple[KindBlock, ...]:
    """Group unproven results by kind and reason; what concerns the gravest control comes first."""
    grouped: dict[UnprovenKind | None, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        grouped[result.kind][result.reason].append(result)
    blocks = [
        KindBlock(kind, tuple(sorted((_obstacle(*one, hosts, words) for one in reasons.items()), key=_gravity)))
        for kind, reasons in grouped.items()
    ]
    blocks.sort(key=lambda block: (_gravity(block.obstacles[0]), block.kind or ""))
    return tuple(_anchored(block, anchors) for block in blocks)


def _gravity(obstacle: Obstacle) -> tuple[int, int, str]:
    return (-obstacle.severity.rank, -len(obstacle.results), obstacle.reason)


def _obstacle(reason: str, members: list[Result], hosts: Hosts, words: Wording) -> Obstacle:
    members = sorted(members, key=lambda one: (-one.severity.rank, *hosts.place(one)))
    return Obstacle(
        anchor="",
        reason=reason,
        severity=members[0].severity,
        hosts=hosts.labels(sorted(members, key=hosts.place)),
        controls=unique(result.control for result in members),
        results=tuple(members),
        witness=hosts.label(members[0]),
        excerpts=excerpts(members[0].evidence, words),
    )


def _anchored(block: KindBlock, anchors: Anchors) -> KindBlock:
    named = (replace(obstacle, anchor=anchors.named("unproven", "")) for obstacle in block.obstacles)
    return KindBlock(block.kind, tuple(named))


def by_family(results: Iterable[Result], hosts: Hosts, anchors: Anchors, prefix: str) -> tuple[FamilyBlock, ...]:
    """Fold passed (or not applicable) results by family, control, and what was seen (or the reason)."""
    families: dict[str, dict[tuple[str, str], dict[tuple[str, str], list[Result]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for result in results:
        said = (result.observed or result.reason, result.expected)
        families[result.family][result.control, result.title][said].append(result)
    return tuple(
        _family(family, controls, hosts, anchors.named(prefix, family)) for family, controls in sorted(families.items())
    )


def _family(
    family: str, controls: Mapping[tuple[str, str], Mapping[tuple[str, str], list[Result]]], hosts: Hosts, anchor: str
) -> FamilyBlock:
    rows: list[Row] = []
    for (control, title), said in sorted(controls.items()):
        ordered = sorted(said.items(), key=lambda entry: (-len(entry[1]), min(hosts.place(one) for one in entry[1])))
        rows += [
            Row(control, title, observed, expected, _places(members, hosts), len(members))
            for (observed, expected), members in ordered[:MOST_ROWS]
        ]
    total = sum(len(members) for said in controls.values() for members in said.values())
    return FamilyBlock(anchor, family, tuple(rows), total, total - sum(row.count for row in rows))


def _places(members: list[Result], hosts: Hosts) -> tuple[Place, ...]:
    subjects: dict[str, list[str]] = defaultdict(list)
    for result in sorted(members, key=hosts.place):
        subjects[hosts.label(result)] += [result.subject] if result.subject else []
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, named in subjects.items():
        alike[tuple(named)].append(host)
    return tuple(Place(tuple(names), named) for named, names in alike.items())
