"""Putting a scan together: registry, baselines, transports, recorders; used by `scan` and `schedule`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secaudit import __version__
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.progress import Watcher
from secaudit.cli.targets import Targets
from secaudit.config.baseline import BaselineLibrary
from secaudit.engine.collect import Limits
from secaudit.engine.plan import HostPlan, plan_host, select
from secaudit.engine.recorder import Recorder
from secaudit.engine.scan import Scanner, judge_host, new_run, scan
from secaudit.model.answer import HostTranscript
from secaudit.model.baseline import Baseline, BaselineStamp
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.plugins import Registry
from secaudit.store import Store, StoreError, default_url, open_store
from secaudit.transcript.bundle import Bundle, BundleWriter
from secaudit.transcript.codec import digest
from secaudit.transcript.redaction import redact
from secaudit.transport.local import LocalTransport
from secaudit.transport.portscan import NmapProber
from secaudit.transport.ssh import SshTransport


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """What to scan and what to do with it. `at` (aware UTC) replaces the moment that ages are measured against."""

    targets: Targets
    only: tuple[str, ...] = ()
    jobs: int = 32
    host_limit: timedelta = timedelta(minutes=10)
    at: datetime | None = None
    store_url: str | None = None
    record: Path | None = None
    resume: str | None = None


class Gathered:
    """A recorder that keeps the results, for reports right after the scan."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, str], tuple[HostRecord, tuple[Result, ...]]] = {}

    def known(self, customer: str, host: str) -> Mapping[str, datetime]:
        """Nothing: it begins empty."""
        del customer, host
        return {}

    def begin(self, run: RunInfo, hosts: Sequence[Host]) -> None:
        """Nothing to prepare."""

    def record(self, run: RunInfo, host: HostRecord, results: Sequence[Result], transcript: HostTranscript) -> None:
        """Keep the results, let go of the transcript."""
        del run, transcript
        self._hosts[host.customer, host.host] = host, tuple(results)

    def finish(self, run: RunInfo) -> None:
        """Nothing to finish."""

    def report(self, run: RunInfo, order: Sequence[Host]) -> RunReport:
        """The run's report with its hosts in the order in which they were planned."""
        there = [self._hosts[host.customer, host.name] for host in order if (host.customer, host.name) in self._hosts]
        return RunReport(
            run, tuple(host for host, _ in there), tuple(result for _, results in there for result in results)
        )


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


def prepare(transcript: HostTranscript) -> tuple[HostTranscript, str]:
    """Remove secrets and compute the digest; nothing unredacted goes further than this."""
    clean = redact(transcript)
    return clean, digest(clean)


def make_scanner(registry: Registry, names: Mapping[str, str], jobs: int, limits: Limits) -> Scanner:
    """A scanner for live hosts."""
    return Scanner(
        registry=registry,
        transports={TransportKind.SSH: SshTransport(), TransportKind.LOCAL: LocalTransport()},
        prober=NmapProber(),
        prepare=prepare,
        names=names,
        limits=limits,
        jobs=jobs,
    )


def run_scan(order: ScanOrder, registry: Registry, watch: Watcher, store: Store | None) -> RunReport:
    """Scan live hosts, record them in `store` and a bundle where wanted, and return the report.

    Raises ConfigError, CommandError, StoreError (before the scan began); a store that fails in the middle of a scan
    is a CommandError with exit code 3 that says what was stored.
    """
    hosts = order.targets.hosts
    run = new_run(__version__, datetime.now(UTC), os.urandom(16))
    if order.resume is not None:
        run, hosts = _interrupted(order.resume, hosts, store)
    plans, stamps = plan_hosts(hosts, registry, order.only)
    run = replace(run, baselines=stamps)
    gathered = Gathered()
    recorders: list[Recorder] = [gathered]
    if order.record is not None:
        recorders.append(BundleWriter(order.record))
    if store is not None:
        recorders.append(store)
    scanner = make_scanner(registry, order.targets.names, order.jobs, Limits(order.host_limit))
    try:
        ended = scan(run, plans, scanner, recorders, watch, order.at, begin=order.resume is None)
    except StoreError as trouble:
        message = f"the scan stopped because its results could not be stored: {trouble}"
        raise CommandError(f"{message}\nHosts that were reported before are stored.", Exit.INCOMPLETE) from None
    if order.resume is not None and store is not None:
        return store.report(ended.id)
    return gathered.report(ended, order.targets.hosts)


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


def replay(
    bundle: Bundle, baselines: tuple[str, ...], only: tuple[str, ...], registry: Registry, at: datetime | None
) -> RunReport:
    """Judge a recorded run again; the same bundle, baselines and moment give the same report."""
    hosts = tuple(replace(found.host, baselines=baselines or found.host.baselines) for found in bundle.hosts)
    plans, stamps = plan_hosts(hosts, registry, only)
    names = {found.host.customer: found.record.customer_name for found in bundle.hosts}
    scanner = make_scanner(registry, names, 1, Limits())
    gathered = Gathered()
    for plan, found in zip(plans, bundle.hosts, strict=True):
        record, results = judge_host(plan, scanner, found.transcript, found.record.transcript, at, found.known)
        gathered.record(bundle.run, record, results, found.transcript)
    return gathered.report(replace(bundle.run, baselines=stamps), hosts)


def opened_store(url: str | None, stack: ExitStack, *, read_only: bool = False) -> Store:
    """Open the store for the length of `stack`. Raises StoreError."""
    return stack.enter_context(closing(open_store(url or default_url(), read_only=read_only)))
