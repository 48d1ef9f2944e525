"""From hosts to plans: registry, baselines and selection put together; what every command that judges begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from secaudit.cli.exits import CommandError
from secaudit.config.baseline import BaselineLibrary
from secaudit.engine.plan import HostPlan, plan_host, select
from secaudit.model.baseline import Baseline, BaselineStamp
from secaudit.model.inventory import Host
from secaudit.plugins import Registry


def resolve_baselines(
    hosts: Sequence[Host], registry: Registry, search: Sequence[Path] = ()
) -> Mapping[tuple[str, ...], Baseline]:
    """The merged baseline for every distinct list of baselines. Raises ConfigError."""
    library = BaselineLibrary(search)
    return {
        names: library.resolve(names, registry.checks, registry.broken)
        for names in dict.fromkeys(host.baselines for host in hosts)
    }


def plan_hosts(
    hosts: Sequence[Host], registry: Registry, only: Sequence[str], search: Sequence[Path] = ()
) -> tuple[tuple[HostPlan, ...], tuple[BaselineStamp, ...]]:
    """Plan every host; also return the stamps of all baselines that take part.

    Raises ConfigError for a broken baseline and CommandError when `only` leaves nothing to check.
    """
    merged = resolve_baselines(hosts, registry, search)
    chosen = {names: select(baseline, only) for names, baseline in merged.items()}
    if not any(chosen.values()):
        raise CommandError(
            f"no control matches --only {', '.join(only)}" if only else "the selected baselines hold no control"
        )
    plans = tuple(plan_host(host, chosen[host.baselines], registry) for host in hosts)
    stamps = tuple(dict.fromkeys(stamp for baseline in merged.values() for stamp in baseline.stamps))
    return plans, stamps
