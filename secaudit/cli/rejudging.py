"""Judging what the store holds of every host again: today's baselines and feeds over the newest recorded answers."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from secaudit import __version__
from secaudit.cli.gathered import Gathered
from secaudit.cli.planning import plan_hosts
from secaudit.cli.targets import Selection, Targets, matches
from secaudit.engine.evaluate import judge_host
from secaudit.engine.overlay import Overlay
from secaudit.engine.reference import open_references
from secaudit.engine.scan import new_run
from secaudit.engine.sections import host_sections
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.inventory import Host
from secaudit.model.run import RunReport
from secaudit.plugins import Registry
from secaudit.store import Store
from secaudit.transcript.codec import digest

STORED_BASELINE = "advisories"
"""What stored hosts are held against when nobody names an inventory or a baseline: today's feeds are its point."""


def stored_hosts(store: Store, selection: Selection) -> Targets:
    """The hosts that the store knows, chosen like those of an inventory. Their baselines are in the inventory only."""
    records = [found.record for found in store.hosts()]
    hosts = tuple(Host(record.customer, record.site, record.host, record.address) for record in records)
    names = {record.customer: record.customer_name or record.customer for record in records}
    return Targets(tuple(host for host in hosts if matches(host, selection)), names)


def rejudge(
    store: Store,
    targets: Targets,
    only: tuple[str, ...],
    registry: Registry,
    at: datetime | None,
    feeds: Path,
    overlay: Overlay,
    *,
    sections: bool = False,
) -> RunReport:
    """Judge the newest complete transcript of each host. Nothing is asked of any host, and nothing is stored.

    A host without one is reported as unreachable: of it nothing is known. Ages are measured against `at`, else against
    the moment at which the host was scanned. `sections` asks for what families add to the report.
    """
    run = new_run(__version__, datetime.now(UTC), os.urandom(16))
    plans, stamps = plan_hosts(targets.hosts, registry, only)
    references = open_references(plans, registry, feeds)
    gathered = Gathered(partial(host_sections, registry=registry) if sections else None)
    waiting = {(plan.host.customer, plan.host.name): plan for plan in plans}

    def judge(transcript: HostTranscript, recorded: str) -> None:
        plan = waiting.pop((transcript.customer, transcript.host))
        known = store.known(transcript.customer, transcript.host)
        name = targets.names.get(transcript.customer, transcript.customer)
        record, results = judge_host(plan, registry, name, transcript, recorded, at, known, references)
        results = overlay(plan.host, results, at or transcript.opened, known)
        gathered.record(run, record, results, transcript)

    for customer in dict.fromkeys(host.customer for host in targets.hosts):
        for transcript in store.latest_transcripts(customer):
            if (transcript.customer, transcript.host) in waiting:
                judge(transcript, digest(transcript))
    for host in [plan.host for plan in waiting.values()]:
        judge(_never_scanned(host, at or run.started), "")
    ended = replace(run, finished=datetime.now(UTC), baselines=stamps, feeds=references.stamps)
    return gathered.report(ended, targets.hosts)


def _never_scanned(host: Host, moment: datetime) -> HostTranscript:
    reason = "the store holds no complete scan of this host"
    reach = Reach.UNREACHABLE
    return HostTranscript(host.customer, host.site, host.name, host.address, moment, moment, reach, reason, ())
