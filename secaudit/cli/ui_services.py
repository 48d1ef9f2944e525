"""What the dashboard can do beside reading the store, put together from the commands' own parts."""

from __future__ import annotations

import getpass
import os
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import click

from secaudit.cli.exits import CommandError
from secaudit.cli.host_facts import fact_sheets
from secaudit.cli.output import GROUP, formats, write
from secaudit.cli.pausing import refuse_pause
from secaudit.cli.progress import Silence
from secaudit.cli.scanning import ScanOrder, run_scan
from secaudit.cli.service_files import CONTRACTS, HERE, WAIVERS, find, read_contracts, read_waivers
from secaudit.cli.targets import Selection, Targets, choose
from secaudit.cli.ui_ticket import TrackerTickets
from secaudit.config.baseline import BaselineLibrary
from secaudit.config.inventory import load_inventory
from secaudit.engine.events import Event, HostDone, HostStep
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.baseline import Baseline
from secaudit.model.errors import UserError
from secaudit.model.inventory import TransportKind
from secaudit.model.panel import TitledPanel
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.plugins import Registry
from secaudit.sla.history import ContractHistory
from secaudit.store import default_url, open_store
from secaudit.store.connect import parse_url
from secaudit.tui.services import ADDED_TO_WAIVERS, FeedAge, Firing, Pauses, Rechecked, Services, Target, WaiverDraft

NO_INVENTORY = "start the dashboard with --inventory to check hosts again"
FIRINGS = 10


@dataclass(frozen=True, slots=True)
class Sources:
    """Where things are, as the command line says. `inventory` is None when hosts cannot be found,
    `schedules` when there is no directory of them.
    """

    store_url: str
    inventory: Path | None
    contracts: Path | None
    waivers: Path | None
    output: Path
    schedules: Path | None = None
    trackers: Path | None = None


def state_directory() -> Path:
    """Where the dashboard keeps saved views, exports and reports: beside the default store."""
    return Path(default_url().removeprefix("sqlite:///")).parent / "dashboard"


def may_write(url: str) -> bool:
    """Whether a store can be changed, as far as the file's permissions tell."""
    parsed = parse_url(url)
    return parsed.get_backend_name() != "sqlite" or os.access(parsed.database or "", os.W_OK)


def make_services(sources: Sources, registry: Registry, *, read_only: bool) -> Services:
    """The services that these sources allow; with `read_only` none that changes anything."""
    missing = {"schedules": "no directory of schedules: start the dashboard with --schedules", "recheck": NO_INVENTORY}
    if read_only:
        missing |= dict.fromkeys(("recheck", "record", "waive", "ticket"), "read-only: nothing is changed")
    return Services(
        recheck=LiveRecheck(sources, registry) if sources.inventory is not None and not read_only else None,
        export=lambda report, name: _export(report, name, sources.output / "exports"),
        formats=tuple(sorted(entry.name for entry in entry_points(group=GROUP))),
        open_report=lambda run, customer: _open_report(run, customer, sources),
        check_page=lambda check: _check_page(check, registry),
        baselines=lambda: _baselines(registry, sources.inventory),
        facts=lambda transcript: fact_sheets(transcript, registry),
        panels=lambda transcript, results: _panels(transcript, results, sources, registry),
        feeds=lambda: _feeds(registry, sources.inventory),
        record=None if read_only else lambda event: _record(event, sources),
        pauses=lambda customer: _pauses(customer, sources),
        waiver_requires=lambda customer: _waiver_requires(customer, sources),
        waive=None if read_only else lambda draft: _waive(draft, sources),
        schedules=_schedules(sources.schedules) if sources.schedules is not None else None,
        ticket=None if read_only else TrackerTickets(sources.store_url, sources.trackers, sources.inventory),
        person=_me(),
        missing=missing,
    )


def _schedules(path: Path) -> Callable[[], Sequence[Firing]]:
    """What tells the coming firings of all schedules, soonest first; the files are read once.

    Raises UserError for a file that is not a schedule.
    """
    from secaudit.config.schedule import load_schedules
    from secaudit.fleet.due import next_firings

    schedules = tuple(load_schedules(path))

    def coming() -> Sequence[Firing]:
        now = datetime.now(UTC)
        found = [
            Firing(at, schedule.id, ", ".join(schedule.customers) or "all customers")
            for schedule in schedules
            for at in next_firings(schedule, now, FIRINGS)
        ]
        return sorted(found, key=lambda firing: (firing.at, firing.schedule))[:FIRINGS]

    return coming


class LiveRecheck:
    """Scans one host of the inventory again, for one control or all, into the store."""

    def __init__(self, sources: Sources, registry: Registry) -> None:
        self._sources = sources
        self._registry = registry

    def announce(self, target: Target) -> str:
        """Host, login and controls."""
        (host,) = self._targets(target).hosts
        login = (
            "this machine"
            if host.transport is TransportKind.LOCAL
            else f"{host.ssh.user or '(ssh config)'}@{host.address}"
        )
        what = f"the control {target.control}" if target.control else "every control of its baselines"
        return f"on {login}\n{what}\nbaselines: {', '.join(host.baselines)}\nOnly fixed reading commands run there."

    def run(self, target: Target, progress: Callable[[str], None]) -> Rechecked:
        """Scan and store."""
        sources = self._sources
        with open_store(sources.store_url) as store:
            order = ScanOrder(
                self._targets(target),
                only=(target.control,) if target.control else (),
                jobs=1,
                recheck=True,
                contracts=read_contracts(sources.contracts, sources.inventory),
                waivers=read_waivers(sources.waivers, sources.inventory),
            )
            report = run_scan(order, self._registry, _Progress(progress), store)
        missed = (host for host in report.hosts if host.status is not Reach.COMPLETE)
        troubles = [f"{host.status.value}: {host.detail}".removesuffix(": ") for host in missed]
        return Rechecked(report.run.id, "; ".join(troubles))

    def _targets(self, target: Target) -> Targets:
        selection = Selection(self._sources.inventory, (target.customer,), hosts=(target.host,))
        return choose((), selection).refuse_bare()


class _Progress(Silence):
    """Passes on what a scan does, a line at a time."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def __call__(self, event: Event) -> None:
        if isinstance(event, HostStep):
            self._tell(event.step)
        elif isinstance(event, HostDone):
            self._tell(f"{event.reach.value} {event.detail}".strip())


def _export(report: RunReport, name: str, directory: Path) -> Path:
    """Below a directory of its own, so that one export never replaces another."""
    (path,) = write(report, formats((name,)), directory / f"{datetime.now(UTC):%Y%m%d-%H%M%S}")
    return path


def _open_report(run: str, customer: str | None, sources: Sources) -> Path:
    """Write what a run found out, of one customer where one is named, and show it."""
    directory = sources.output / "reports" / run
    with open_store(sources.store_url, read_only=True) as store:
        report = store.report(run) if customer is None else store.of(customer).report(run)
    (path,) = write(
        report, formats(("html",)), directory if customer is None else directory / f"of-{quote(customer, '')}"
    )
    # Over SSH there is no browser to open it with; a text browser would take the terminal away.
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(path.as_uri())
    return path


def _check_page(check_id: str, registry: Registry) -> str:
    check = registry.checks.get(check_id)
    if check is None:
        reason = registry.broken.get(check_id.partition(".")[0], f"there is no check {check_id!r} here")
        raise CommandError(reason)
    return registry.families[check.family].page(check) or f"{check.title}\n\n{check.description}\n"


def _baselines(registry: Registry, inventory: Path | None) -> Sequence[tuple[str, Baseline]]:
    """What the hosts of the inventory are held against, merged as there; then what can be named."""
    library = BaselineLibrary()
    used = _used_baselines(registry, inventory)
    named = {
        (name,): library.resolve((name,), registry.checks, registry.broken)
        for name in library.names()
        if (name,) not in used
    }
    return [(" + ".join(names), baseline) for names, baseline in (used | named).items()]


def _used_baselines(registry: Registry, inventory: Path | None) -> dict[tuple[str, ...], Baseline]:
    """What the hosts of the inventory are held against."""
    library = BaselineLibrary()
    hosts = load_inventory(inventory, library.names()).hosts if inventory is not None else ()
    used = dict.fromkeys(host.baselines for host in hosts if host.baselines)
    return {names: library.resolve(names, registry.checks, registry.broken) for names in used}


def _panels(
    transcript: HostTranscript, results: Sequence[Result], sources: Sources, registry: Registry
) -> Sequence[TitledPanel]:
    """With the baselines that the inventory names for the host, if it knows it."""
    from secaudit.api import default_feeds
    from secaudit.engine.panels import host_panels

    controls = None
    if sources.inventory is not None:
        library = BaselineLibrary()
        for host in load_inventory(sources.inventory, library.names()).hosts:
            if (host.customer, host.name) == (transcript.customer, transcript.host) and host.baselines:
                baseline = library.resolve(host.baselines, registry.checks, registry.broken)
                controls = tuple(baseline.controls.values())
    return host_panels(transcript, results, controls, registry, default_feeds())


def _feeds(registry: Registry, inventory: Path | None) -> Sequence[FeedAge]:
    """By the baselines that the hosts of the inventory are held against; without them by what checks allow."""
    from secaudit.cli.ui_feeds import feed_ages

    try:
        used = list(_used_baselines(registry, inventory).values())
    except UserError:
        # What is wrong with a file is told on the screen of the baselines; the age of data is known all the same.
        used = []
    return feed_ages(registry, used)


def _record(event: FindingEvent, sources: Sources) -> int:
    with open_store(sources.store_url) as store:
        found = store.finding(event.fingerprint) if event.kind is EventKind.PAUSED else None
        if found is not None and event.until is not None:
            promised = read_contracts(sources.contracts, sources.inventory or HERE)
            events = store.events(event.fingerprint)
            refuse_pause(promised, found.customer, events, event.reason, event.until - event.at, event.at)
        return store.add_event(event)


def _pauses(customer: str, sources: Sources) -> Pauses:
    contracts = read_contracts(sources.contracts, sources.inventory or HERE)
    contract = ContractHistory(contracts.of(customer)).at(datetime.now(UTC))
    if contract is None:
        raise CommandError(f"no contract of {customer} is in force, so nothing allows a pause")
    return Pauses(contract.sla.pause_reasons, contract.sla.max_pause)


def _waiver_requires(customer: str, sources: Sources) -> Sequence[str]:
    """What the contract that is in force requires of the customer's waivers."""
    contracts = read_contracts(sources.contracts, sources.inventory or HERE)
    contract = ContractHistory(contracts.of(customer)).at(datetime.now(UTC))
    return contract.waivers.require if contract is not None else ()


def _waive(draft: WaiverDraft, sources: Sources) -> Callable[[], None]:
    """What `secaudit waivers add` does, with its refusals, in the files that a scan reads. Returns what takes it back.

    That raises CommandError when somebody else has changed the file in the meantime.
    """
    from secaudit.cli.waivers import add

    path = find(WAIVERS, sources.waivers, sources.inventory or HERE)
    path = path or (sources.inventory or HERE).parent / WAIVERS
    file = path if path.suffix in (".yaml", ".yml") else path / f"{draft.customer}.yaml"
    before = file.read_bytes() if file.exists() else None
    argv = ["--customer", draft.customer, "--control", draft.control, "--host", draft.host]
    argv += ["--owner", draft.owner, "--reason", draft.reason, "--expires", draft.expires]
    argv += ["--subject", draft.subject, "--waivers", str(path)]
    for name in ADDED_TO_WAIVERS:
        argv += [f"--{name}", value] if (value := getattr(draft, name)) else []
    argv += ["--inventory", str(sources.inventory)] if sources.inventory is not None else []
    contracts = find(CONTRACTS, sources.contracts, sources.inventory or HERE)
    argv += ["--contracts", str(contracts)] if contracts is not None else []
    try:
        with redirect_stdout(StringIO()):
            add.main(argv, standalone_mode=False)
    except click.ClickException as error:
        raise CommandError(error.format_message()) from error
    after = file.read_bytes()

    def take_back() -> None:
        try:
            if file.read_bytes() != after:
                raise CommandError(f"{file} was changed since: remove the waiver there")
            if before is None:
                file.unlink()
            else:
                file.write_bytes(before)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error

    return take_back


def _me() -> str:
    try:
        return getpass.getuser()
    except OSError:
        return ""
