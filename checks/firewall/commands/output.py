"""How the commands print, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from secaudit.model.safe_text import visible_line

from .. import documents
from ..analysis.anomalies import Anomaly, Location
from ..analysis.reach import Access, Service, Way
from ..rules.ruleset import Rule
from .given import Given


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on stdout, in ASCII."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, default=str))


def print_lines(lines: Iterable[str]) -> None:
    """Lines on stdout, without control characters of whoever wrote the rules."""
    for line in lines:
        click.echo(visible_line(line))


def gaps(given: Given) -> list[dict[str, Any]]:
    """What of the ruleset could not be seen, in the words of `undecided`."""
    return [{"rule": None, "why": gap.reason, "on": []} for gap in given.gaps]


def gap_lines(given: Given) -> Iterator[str]:
    """The same for people."""
    yield from (f"not seen: {gap.reason}" for gap in given.gaps)


def told(found: Iterable[Anomaly]) -> Iterator[str]:
    """Findings with their blockers and packets."""
    for anomaly in found:
        yield f"{anomaly.severity.value.upper():<8} {anomaly.kind}: {place(anomaly.at)}: {anomaly.at.text}"
        for other in anomaly.by:
            yield f"           by {place(other)}: {other.text}"
        if anomaly.witness is not None:
            yield f"           packet: {anomaly.witness}"


def place(at: Location) -> str:
    """Where a rule stands."""
    number = f" rule {at.index}" if at.index else ""
    return f"{at.table.label} {at.chain.name}{number} ({spot(at.line, at.rule)})"


def spot(line: int, rule: Rule | None) -> str:
    """Where to look: the handle, by which nft deletes the rule, else the line."""
    return f"line {line}" if rule is None or rule.handle is None else f"handle {rule.handle}"


def matrix(services: Iterable[Service], most: int | None = None) -> Iterator[str]:
    """Who reaches which service; of a list of ranges `most` are told (None: all)."""
    for service in services:
        for access in service.access:
            sure = "" if access.certain else " (perhaps)"
            yield f"{service.label:<16} {service.family.label}  {_who(access, most)}{sure}{_where(service)}"
        if service.translated and service.way is Way.LOCAL:
            yield f"{service.label:<16} {service.family.label}  may be translated to another destination"


def _where(service: Service) -> str:
    """Where the service is, if it is not on the host."""
    return {Way.LOCAL: "", Way.ROUTED: ", behind the host", Way.PUBLISHED: f" -> {service.target}"}[service.way]


def _who(access: Access, most: int | None) -> str:
    through = f" through {_listed(access.interfaces, most)}" if access.interfaces else ""
    at = f" at {_listed(access.destinations, most)}" if access.destinations else ""
    return f"{_listed(access.sources, most)}{through}{at}"


def _listed(parts: Sequence[object], most: int | None) -> str:
    shown = ", ".join(map(str, parts[:most]))
    left = 0 if most is None else len(parts) - most
    return f"{shown} and {left:,} more" if left > 0 else shown


def service_documents(services: Iterable[Service]) -> list[dict[str, Any]]:
    """The matrix as JSON."""
    return [documents.service(service) for service in services]
