"""The facts that a stored transcript holds, as lines for people; knows no fact by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum

from secaudit.api import Unproven
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import HostPlan, PlannedFact
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.plugins import Registry
from secaudit.tui.services import FactSheet

MOST_ITEMS = 20_000
"""Items of one list that are told; the transcript holds the rest."""


def fact_sheets(transcript: HostTranscript, registry: Registry) -> Sequence[FactSheet]:
    """Every fact whose questions are in the transcript, by name; what could not be read says why.

    Facts whose questions depend on a baseline, or that need reference data, are left out.
    """
    host = Host(transcript.customer, transcript.site, transcript.host, transcript.address)
    asked: frozenset[object] = frozenset(answer.request for answer in transcript.answers)
    facts = tuple(_planned(registry, asked))
    plan = HostPlan(host, (), {}, facts, ())
    values = read_facts(plan, registry, transcript, transcript.opened, ReferenceData())
    sheets = (_sheet(planned.fact.__name__, values[planned.fact]) for planned in facts)
    return sorted(sheets, key=lambda sheet: sheet.title)


def _planned(registry: Registry, asked: frozenset[object]) -> Iterable[PlannedFact]:
    """Facts that can be read from what was asked, used ones first."""
    planned: dict[type, PlannedFact] = {}
    waiting = dict(registry.collectors)
    while waiting:
        ready = [fact for fact, collector in waiting.items() if all(used not in waiting for used in collector.uses)]
        if not ready:
            break
        for fact in ready:
            collector = waiting.pop(fact)
            requests = () if callable(collector.requests) else tuple(collector.requests)
            if any(request in asked for request in requests) and all(used in planned for used in collector.uses):
                planned[fact] = PlannedFact(fact, requests)
    return planned.values()


def _sheet(name: str, value: object) -> FactSheet:
    if isinstance(value, Unproven):
        return FactSheet(name, (), f"unproven ({value.kind.value}): {value.reason}")
    return FactSheet(name, tuple(_lines(value)))


def _lines(value: object) -> Iterable[str]:
    for label, part in _parts(value):
        if isinstance(part, Sequence) and not isinstance(part, str | bytes) and len(part) > 0 and _is_record(part[0]):
            yield f"{label}: {len(part)}"
            yield from (f"  {_one_line(item)}" for item in part[:MOST_ITEMS])
            if len(part) > MOST_ITEMS:
                yield f"  … {len(part) - MOST_ITEMS} more"
        else:
            yield f"{label}: {_short(part)}"


def _parts(value: object) -> Iterable[tuple[str, object]]:
    if is_dataclass(value):
        for field in fields(value):
            part = getattr(value, field.name)
            if field.name != "evidence" and not isinstance(part, Evidence):
                yield field.name, part


def _one_line(value: object) -> str:
    return "  ".join(f"{label}={shown}" for label, part in _parts(value) if (shown := _short(part)))


def _short(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if _is_record(value):
        return f"({_one_line(value)})"
    if isinstance(value, tuple | list | frozenset | set):
        items = [item for item in value if not isinstance(item, Evidence)]
        return ", ".join(sorted(map(_short, items)) if isinstance(value, frozenset | set) else map(_short, items))
    return "" if value is None else str(value)


def _is_record(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
