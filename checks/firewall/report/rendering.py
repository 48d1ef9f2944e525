"""The service matrix as a table, and the flow through the chains as pictures."""

from __future__ import annotations

from collections.abc import Iterator

from secaudit.model.section import Cell, Mark, Section, Table

from ..analysis.chain_graph import flows
from ..analysis.reach import Way
from ..analysis.service_matrix import Matrix, Open, Row, all_services, matrix
from ..facts import Firewall
from ..rules.matches import PacketFamily
from ..rules.owner import owners
from .flow_picture import picture

MOST_ROWS = 200

_MARKS = {
    Open.EVERYWHERE: Mark.FULL,
    Open.SOME: Mark.PART,
    Open.NOBODY: Mark.EMPTY,
    Open.PERHAPS: Mark.UNSURE,
}
CAPTIONS = {
    Way.LOCAL: "Services of the host that its rules let new connections reach, and from where",
    Way.ROUTED: "Services behind the host that its rules let through",
    Way.PUBLISHED: "Services that the host publishes by translating destinations",
}


def rendered(found: Firewall) -> Section:
    """The section about one host's packet filter."""
    services, unsure = all_services(found.ruleset, frozenset(PacketFamily))
    tables = tuple(_tables(matrix(services, frozenset(PacketFamily))))
    pictures = tuple(picture(flow) for flow in flows(found.ruleset))
    return Section(tuple(lead(found, unsure, nothing=not tables)), (*tables, *pictures))


def lead(found: Firewall, unsure: list[str], *, nothing: bool) -> Iterator[str]:
    """What is to be known before the services are looked at; `nothing` says that none is open."""
    rules = sum(1 for _ in found.ruleset.rules)
    written = owners(found.ruleset)
    yield f"{rules:,} rules{' written by ' + ', '.join(written) if written else ''}."
    if nothing and not unsure and not found.gaps:
        yield "They let no new connection in."
    for text in unsure:
        yield f"Not decided: {text}."
    for gap in found.gaps:
        yield f"Not seen: {gap.reason}; what is open below may be closed there."
    if unmodelled := len(found.ruleset.unmodelled):
        yield f"Not understood: {unmodelled:,} conditions or lines; what depends on them is marked."


def _tables(whole: Matrix) -> Iterator[Table]:
    for way in Way:
        rows = [row for row in whole.rows if row.way is way]
        if rows:
            shown = tuple(_row(row) for row in rows[:MOST_ROWS])
            head = ("Service", *(family.label for family in whole.families))
            yield Table(CAPTIONS[way], head, shown, len(rows) - len(shown))


def _row(row: Row) -> tuple[Cell, ...]:
    name = f"{row.service} → {row.target}" if row.target else row.service
    return (Cell(name), *(Cell(entry.who, _MARKS[entry.open]) for entry in row.entries))
