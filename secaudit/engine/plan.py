"""Which facts the controls of a host need, and which requests give them: each asked once per host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from secaudit.api import Check, Expect, Now, Platform, Request, ScannerLead, Target, Unproven, UnprovenKind
from secaudit.model.baseline import Baseline, Control
from secaudit.model.inventory import Host
from secaudit.plugins import Registry

GIVEN: frozenset[type] = frozenset({Now, Target})
"""Facts that the engine itself provides."""


@dataclass(frozen=True, slots=True)
class PlannedFact:
    """One fact to collect: its requests and the expectations that want it; `trouble` when it cannot be collected.

    Reference data need no requests.
    """

    fact: type
    requests: tuple[Request, ...] = ()
    wanted: tuple[Expect, ...] = ()
    trouble: Unproven | None = None


@dataclass(frozen=True, slots=True)
class HostPlan:
    """Everything that the scan of one host will do. `facts` come in collection order, used ones first."""

    host: Host
    controls: tuple[Control, ...]
    checks: Mapping[str, Check]
    facts: tuple[PlannedFact, ...]
    requests: tuple[Request, ...]


def select(baseline: Baseline, only: Sequence[str]) -> tuple[Control, ...]:
    """The controls whose id or check matches one of the glob patterns `only`; all when there are none."""
    controls = tuple(baseline.controls.values())
    if not only:
        return controls
    return tuple(
        control
        for control in controls
        if any(fnmatchcase(name, pattern) for pattern in only for name in (control.id, control.check))
    )


def plan_host(host: Host, controls: Sequence[Control], registry: Registry) -> HostPlan:
    """Plan the scan of `host` against `controls`. Never raises: a collector's trouble is kept in its fact."""
    wanted: dict[type, list[Expect]] = {}
    wanted |= {fact: [] for fact in (Platform, ScannerLead) if fact in registry.collectors}
    for control in controls:
        check = registry.checks.get(control.check)
        if check is None or not isinstance(control.expect, Expect):
            continue
        for fact in (*check.requires, *check.considers):
            _want(wanted, fact, [control.expect])
    return _planned(host, controls, wanted, registry)


def plan_facts(host: Host, facts: Sequence[type], registry: Registry, controls: Sequence[Control] = ()) -> HostPlan:
    """Plan to learn these facts about `host` as far as `controls` ask for them, and to judge nothing."""
    wanted: dict[type, list[Expect]] = {fact: [] for fact in facts}
    for control in controls:
        check = registry.checks.get(control.check)
        if check is not None and isinstance(control.expect, Expect):
            for fact in {*check.requires, *check.considers} & set(facts):
                _want(wanted, fact, [control.expect])
    return _planned(host, (), wanted, registry)


def _planned(host: Host, controls: Sequence[Control], wanted: dict[type, list[Expect]], registry: Registry) -> HostPlan:
    order = _in_order(wanted, registry)
    facts = tuple(_plan_fact(fact, tuple(wanted[fact]), registry) for fact in order)
    requests = tuple(dict.fromkeys(request for planned in facts for request in planned.requests))
    return HostPlan(host, tuple(controls), registry.checks, facts, requests)


def _in_order(wanted: dict[type, list[Expect]], registry: Registry) -> list[type]:
    """Add what the wanted facts use to `wanted`, and return all facts with the used ones first."""
    order: list[type] = []
    visiting: set[type] = set()

    def visit(fact: type) -> None:
        if fact in order or fact in visiting or fact in GIVEN:
            return
        visiting.add(fact)
        collector = registry.collectors.get(fact)
        for used in collector.uses if collector else ():
            if used not in GIVEN:
                _want(wanted, used, wanted[fact])
                visit(used)
        order.append(fact)

    for fact in list(wanted):
        visit(fact)
    return order


def _want(wanted: dict[type, list[Expect]], fact: type, expectations: Sequence[Expect]) -> None:
    there = wanted.setdefault(fact, [])
    there.extend(expectation for expectation in expectations if expectation not in there)


def _plan_fact(fact: type, wanted: tuple[Expect, ...], registry: Registry) -> PlannedFact:
    if fact in registry.references:
        return PlannedFact(fact, wanted=wanted)
    collector = registry.collectors.get(fact)
    if collector is None:
        reason = f"no plugin that could be loaded collects {fact.__name__}"
        return PlannedFact(fact, trouble=Unproven(UnprovenKind.PLUGIN, reason))
    try:
        return PlannedFact(fact, collector.plan(wanted), wanted)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        reason = f"the collector of {fact.__name__} could not be planned: {type(error).__name__}: {error}"
        return PlannedFact(fact, wanted=wanted, trouble=Unproven(UnprovenKind.PLUGIN, reason))
