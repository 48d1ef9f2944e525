"""Judging a recorded run again; needs no host, no network and no store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from secaudit.cli.gathered import Gathered
from secaudit.cli.planning import plan_hosts
from secaudit.engine.evaluate import judge_host
from secaudit.engine.overlay import Overlay, nothing_to_add
from secaudit.engine.reference import open_references
from secaudit.engine.sections import host_sections
from secaudit.model.run import RunReport
from secaudit.plugins import Registry
from secaudit.transcript.bundle import Bundle


def replay(
    bundle: Bundle,
    baselines: tuple[str, ...],
    only: tuple[str, ...],
    registry: Registry,
    at: datetime | None,
    feeds: Path,
    overlay: Overlay = nothing_to_add,
    *,
    sections: bool = False,
) -> RunReport:
    """Judge a recorded run again, with the reference data below `feeds` and what `overlay` lays over the results.

    `sections` asks for what families add to the report. The same bundle, baselines, reference data, waivers, contracts
    and moment give the same report.
    """
    hosts = tuple(replace(found.host, baselines=baselines or found.host.baselines) for found in bundle.hosts)
    plans, stamps = plan_hosts(hosts, registry, only)
    references = open_references(plans, registry, feeds)
    gathered = Gathered(partial(host_sections, registry=registry) if sections else None)
    for plan, found in zip(plans, bundle.hosts, strict=True):
        name = found.record.customer_name
        record, results = judge_host(
            plan, registry, name, found.transcript, found.record.transcript, at, found.known, references
        )
        results = overlay(plan.host, results, at or found.transcript.opened, found.known)
        gathered.record(bundle.run, record, results, found.transcript)
    return gathered.report(replace(bundle.run, baselines=stamps, feeds=references.stamps), hosts)
