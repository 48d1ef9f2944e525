"""Putting a live scan together: plans, transports, recorders; used by `scan` and `schedule`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from secaudit import __version__
from secaudit.api import default_feeds
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.gathered import Gathered
from secaudit.cli.planning import plan_hosts
from secaudit.cli.progress import Watcher
from secaudit.cli.promises import Promises
from secaudit.cli.targets import Targets
from secaudit.engine.allowance import Limits
from secaudit.engine.clocks import ClockJury
from secaudit.engine.overlay import Overlay
from secaudit.engine.recorder import Recorder
from secaudit.engine.reference import ReferenceData, open_references
from secaudit.engine.scan import Scanner, new_run, scan
from secaudit.engine.sections import host_sections
from secaudit.model.answer import HostTranscript
from secaudit.model.contract import Contracts
from secaudit.model.future import from_the_future, of_the_future
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.run import RunInfo, RunReport
from secaudit.model.waiver import WaiverGrant
from secaudit.plugins import Registry
from secaudit.store import Store, StoreError, default_url, open_store
from secaudit.transcript.bundle import BundleWriter
from secaudit.transcript.codec import digest
from secaudit.transcript.redaction import redact
from secaudit.transport.local import LocalTransport
from secaudit.transport.portscan import NmapProber
from secaudit.transport.ssh import SshTransport


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """What to scan and what to do with it. `waivers` is None where none are kept.

    `at` (aware UTC) replaces the moment that ages are measured against. `feeds` is the directory of reference data,
    None for the default one. `sections` asks for what families add to the report; `recheck` marks a re-check.
    """

    targets: Targets
    only: tuple[str, ...] = ()
    jobs: int = 32
    limits: Limits = field(default_factory=Limits)
    at: datetime | None = None
    record: Path | None = None
    resume: str | None = None
    feeds: Path | None = None
    contracts: Contracts = field(default_factory=lambda: Contracts(()))
    waivers: tuple[WaiverGrant, ...] | None = None
    sections: bool = False
    recheck: bool = False


def prepare(transcript: HostTranscript) -> tuple[HostTranscript, str]:
    """Remove secrets and compute the digest; nothing unredacted goes further than this."""
    clean = redact(transcript)
    return clean, digest(clean)


def make_scanner(
    registry: Registry,
    names: Mapping[str, str],
    jobs: int,
    limits: Limits,
    references: ReferenceData,
    overlay: Overlay,
) -> Scanner:
    """A scanner for live hosts."""
    return Scanner(
        registry=registry,
        transports={TransportKind.SSH: SshTransport(), TransportKind.LOCAL: LocalTransport()},
        prober=NmapProber(),
        prepare=prepare,
        names=names,
        limits=limits,
        jobs=jobs,
        references=references,
        overlay=overlay,
    )


def run_scan(order: ScanOrder, registry: Registry, watch: Watcher, store: Store | None) -> RunReport:
    """Scan live hosts, record them in `store` and a bundle where wanted, and return the report.

    Raises ConfigError, CommandError, StoreError (before the scan began); a store that fails in the middle of a scan
    is a CommandError with exit code 3 that says what was stored.
    """
    before = _newest(store, order.resume)
    hosts = order.targets.hosts
    run = new_run(__version__, datetime.now(UTC), os.urandom(16))
    if order.resume is not None:
        run, hosts = _interrupted(order.resume, hosts, store)
    plans, stamps = plan_hosts(hosts, registry, order.only)
    references = open_references(plans, registry, order.feeds or default_feeds())
    run = replace(
        run,
        baselines=stamps,
        feeds=references.stamps,
        narrow=run.narrow or bool(order.only),
        recheck=run.recheck or order.recheck,
    )
    gathered = Gathered(partial(host_sections, registry=registry) if order.sections else None)
    recorders: list[Recorder] = [gathered]
    if order.record is not None:
        recorders.append(BundleWriter(order.record))
    if store is not None:
        recorders.append(store)
    jury = ClockJury(registry, before.started if before is not None else None)
    recorders.append(jury)
    overlay = Promises(order.contracts, order.waivers, store, order.only)
    scanner = make_scanner(registry, order.targets.names, order.jobs, order.limits, references, overlay)
    try:
        ended = scan(run, plans, scanner, recorders, watch, order.at, begin=order.resume is None)
    except StoreError as trouble:
        message = f"the scan stopped because its results could not be stored: {trouble}"
        raise CommandError(f"{message}\nHosts that were reported before are stored.", Exit.INCOMPLETE) from None
    if store is not None and jury.objection:
        store.withdraw(ended.id, "secaudit", jury.objection, datetime.now(UTC))
        message = f"the run {ended.id} was withdrawn: {jury.objection}; set the clock of this machine and scan again"
        raise CommandError(message, Exit.INCOMPLETE)
    if order.resume is not None and store is not None:
        # Only of those that were chosen: the run may have scanned others before it was interrupted.
        return store.report_of(ended.id, {host.customer for host in order.targets.hosts})
    return gathered.report(ended, order.targets.hosts)


def _newest(store: Store | None, resumed: str | None) -> RunInfo | None:
    """The newest run of the store, other than one that goes on now.

    Raises CommandError when one is later than now: what is scanned now would change nothing.
    """
    found = [overview.run for overview in store.runs(limit=2)] if store is not None else []
    if found and from_the_future(found[0], datetime.now(UTC)):
        raise CommandError(of_the_future(found[0]))
    return next((run for run in found if run.id != resumed), None)


def _interrupted(run_id: str, hosts: Sequence[Host], store: Store | None) -> tuple[RunInfo, tuple[Host, ...]]:
    if store is None:
        raise CommandError("--resume needs the store that the run was recorded in")
    run = store.run(run_id)
    open_hosts = {(name.customer, name.host) for name in store.pending(run_id)}
    left = tuple(host for host in hosts if (host.customer, host.name) in open_hosts)
    if not open_hosts:
        raise CommandError(f"run {run_id} is complete; there is nothing to resume")
    if not left:
        raise CommandError(f"none of the hosts that run {run_id} still needs is selected")
    return run, left


def opened_store(url: str | None, stack: ExitStack, *, read_only: bool = False) -> Store:
    """Open the store for the length of `stack`. Raises StoreError."""
    return stack.enter_context(closing(open_store(url or default_url(), read_only=read_only)))
