"""The reference data of one run: every source is opened once, and loaded once for each kind of system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from secaudit.api import Platform, Reference, ReferenceSource, Unproven, UnprovenKind
from secaudit.engine.plan import HostPlan
from secaudit.model.feed import FeedStamp
from secaudit.plugins import Registry


class ReferenceData:
    """What the collectors and checks of a run get beside the answers of hosts. Used from one thread."""

    def __init__(self, sources: Mapping[type, ReferenceSource[Any] | Unproven] | None = None) -> None:
        self._sources = dict(sources or {})
        self._loaded: dict[tuple[type, Platform | None], object] = {}

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """What the run records about all of it."""
        opened = [source for source in self._sources.values() if not isinstance(source, Unproven)]
        return tuple(dict.fromkeys(stamp for source in opened for stamp in source.stamps))

    def fact(self, fact: type, platform: Platform | None) -> object:
        """The fact for hosts of `platform`, or the `Unproven` that stands in its place."""
        key = fact, platform
        if key not in self._loaded:
            self._loaded[key] = self._load(fact, platform)
        return self._loaded[key]

    def _load(self, fact: type, platform: Platform | None) -> object:
        source = self._sources.get(fact)
        if source is None:
            return Unproven(UnprovenKind.STALE, f"no reference data were opened for {fact.__name__}")
        if isinstance(source, Unproven):
            return source
        try:
            value = source.load(platform)
        except Unproven as trouble:
            return trouble
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
            reason = f"the reference data for {fact.__name__} raised {type(error).__name__}: {error}"
            return Unproven(UnprovenKind.PLUGIN, reason)
        if not isinstance(value, fact):
            reason = f"the reference data for {fact.__name__} gave {type(value).__name__}"
            return Unproven(UnprovenKind.PLUGIN, reason)
        return value


def open_references(plans: Iterable[HostPlan], registry: Registry, directory: Path) -> ReferenceData:
    """Open the data below `directory` for every reference that one of the plans needs. Never raises."""
    wanted = dict.fromkeys(planned.fact for plan in plans for planned in plan.facts)
    return ReferenceData(
        {fact: open_source(registry.references[fact], directory) for fact in wanted if fact in registry.references}
    )


def open_source(reference: Reference[Any], directory: Path) -> ReferenceSource[Any] | Unproven:
    """Open the data of one reference, or tell why they cannot be. Never raises."""
    try:
        source = reference.open(directory)
        tuple(source.stamps)
    except Unproven as trouble:
        return trouble
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        reason = (
            f"the reference data for {reference.fact.__name__} could not be opened: {type(error).__name__}: {error}"
        )
        return Unproven(UnprovenKind.PLUGIN, reason)
    return source
