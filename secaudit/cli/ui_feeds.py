"""How old the reference data of now are, and how old they may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from secaudit.api import default_feeds
from secaudit.engine.reference import ReferenceData, open_source
from secaudit.model.baseline import Baseline
from secaudit.plugins import Registry
from secaudit.tui.services import FeedAge


def feed_ages(registry: Registry, baselines: Iterable[Baseline]) -> Sequence[FeedAge]:
    """The reference data that a scan would use now, each with the least age that one of the baselines allows.

    Where no control of them says anything about it, the age is that which the checks allow by themselves. Never raises.
    """
    expectations = [control.expect for baseline in baselines for control in baseline.controls.values()]
    place = default_feeds()
    found: dict[str, FeedAge] = {}
    for fact, one in registry.references.items():
        limit = _least(_set(expectations, one.limit)) or _least(_allowed(registry, one.limit))
        for stamp in ReferenceData({fact: open_source(one, place)}).stamps:
            found.setdefault(stamp.name, FeedAge(stamp, limit))
    return tuple(found.values())


def _least(limits: Iterable[timedelta]) -> timedelta | None:
    return min(limits, default=None)


def _set(expectations: Iterable[object], name: str) -> Iterator[timedelta]:
    for expect in expectations:
        value = getattr(expect, name, None) if name else None
        if isinstance(value, timedelta):
            yield value


def _allowed(registry: Registry, name: str) -> Iterator[timedelta]:
    for check in registry.checks.values():
        field = check.expect.model_fields.get(name)
        if field is not None and isinstance(field.default, timedelta):
            yield field.default
