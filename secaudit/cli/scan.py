"""`secaudit scan`: audit hosts and write what was found."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import (
    baselines_option,
    feeds_option,
    format_names,
    plugins_option,
    selection_options,
    severity_choice,
    store_option,
)
from secaudit.cli.service_files import contracts_option, waivers_option
from secaudit.cli.times import Bytes, Length, Moment
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

if TYPE_CHECKING:
    from secaudit.api import Format
    from secaudit.cli.scanning import ScanOrder
    from secaudit.cli.targets import Selection
    from secaudit.engine.overlay import Overlay
    from secaudit.model.contract import Contracts
    from secaudit.model.run import RunReport
    from secaudit.model.waiver import WaiverGrant
    from secaudit.plugins import Registry


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@selection_options
@baselines_option
@click.option("--only", multiple=True, metavar="GLOB", help="Only controls or checks that match, e.g. 'patch.*'.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Directory for the reports.")
@click.option("--format", "names", callback=format_names, help="html,json,sarif,junit,csv [default: html,json].")
@click.option("--lang", help="Language of the page: de or en [default: the customer's, by the inventory; else en].")
@click.option("--record", type=click.Path(path_type=Path), help="Also write a portable bundle of all answers here.")
@click.option(
    "--sign",
    "signing_key",
    envvar="SECAUDIT_SIGNING_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign the bundle with this private key (`secaudit keys new`).",
)
@click.option("--fail-on", type=severity_choice(), help="Act as the gate at this severity: exit code 1 or 3.")
@click.option("--jobs", type=click.IntRange(1, 512), default=32, show_default=True, help="Hosts scanned at once.")
@click.option("--host-limit", type=Length(), default="10m", show_default=True, help="Time that one host may take.")
@click.option("--host-bytes", type=Bytes(), default="64M", show_default=True, help="Bytes that one host may send.")
@click.option(
    "--run-bytes", type=Bytes(), help="Bytes that all hosts may send [default: 16M for each host, at least 1G]."
)
@click.option("--at", type=Moment(), help="Measure ages against this moment instead of now.")
@click.option(
    "--from-store",
    type=click.Choice(["latest"]),
    help="Judge the newest stored answers of every host again; asks no host and stores nothing.",
)
@click.option("--resume", metavar="RUN", help="Go on with an interrupted run of the same inventory.")
@click.option("--no-store", is_flag=True, help="Keep nothing in the store.")
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@feeds_option
@contracts_option
@waivers_option
@store_option
@plugins_option
def command(
    targets: tuple[str, ...],
    inventory: Path | None,
    customers: tuple[str, ...],
    sites: tuple[str, ...],
    hosts: tuple[str, ...],
    tags: tuple[str, ...],
    baselines: tuple[str, ...],
    only: tuple[str, ...],
    out: Path | None,
    names: tuple[str, ...],
    lang: str | None,
    record: Path | None,
    signing_key: Path | None,
    fail_on: str | None,
    jobs: int,
    host_limit: timedelta,
    host_bytes: int,
    run_bytes: int | None,
    at: datetime | None,
    from_store: str | None,
    resume: str | None,
    no_store: bool,
    quiet: bool,
    feeds: Path | None,
    contracts: Path | None,
    waivers: Path | None,
    store_url: str | None,
    plugins: tuple[Path, ...],
) -> int:
    """Audit hosts and write what was found.

    TARGET is `local`, `ssh://[user@]host[:port]` or `replay:BUNDLE`; without one, hosts come from --inventory.

    Exit code 0 when every host was scanned to the end, 3 when one was not. With --fail-on also 1 for a finding of
    that severity, and 3 when a control of that severity could not be proven.
    """
    from secaudit.cli.output import formats, in_language
    from secaudit.cli.service_files import read_resolved, read_waivers
    from secaudit.plugins import discover

    chosen = formats(names or (("html", "json") if out else ()))
    if out is None and len(chosen) > 1:
        raise CommandError("more than one format needs --out DIR")
    if lang is not None:
        chosen = in_language(chosen, lang)
    sections = any(wanted.sections for wanted in chosen)
    registry = discover(plugins)
    promised, granted = read_resolved(contracts, inventory), read_waivers(waivers, inventory)
    bundles = [target.removeprefix("replay:") for target in targets if target.startswith("replay:")]
    if bundles:
        if len(targets) > 1 or inventory or record or resume:
            raise CommandError("a replay takes one bundle and nothing else to scan, record or resume")
        from secaudit.cli.promises import Promises

        overlay = Promises(promised, granted, None, only)
        report = _replay(Path(bundles[0]), baselines, only, registry, at, feeds, overlay, sections)
    elif from_store:
        if targets or record or resume or no_store:
            raise CommandError("--from-store takes what is stored and nothing to scan, record or resume")
        from secaudit.cli.targets import Selection

        selection = Selection(inventory, customers, sites, hosts, tags)
        report, language = _rejudge(
            selection, baselines, only, registry, at, feeds, store_url, (promised, granted), sections
        )
        chosen = chosen if lang is not None else in_language(chosen, language)
    else:
        from secaudit.cli.scanning import ScanOrder
        from secaudit.cli.targets import Selection, choose
        from secaudit.engine.allowance import Limits

        limits = Limits(host_limit, host_bytes, run_bytes)
        selection = Selection(inventory, customers, sites, hosts, tags)
        chosen_hosts = choose(targets, selection).held_against(baselines).refuse_bare()
        chosen = chosen if lang is not None else in_language(chosen, chosen_hosts.language)
        order = ScanOrder(chosen_hosts, only, jobs, limits, at, record, resume, feeds, promised, granted, sections)
        if record is not None and signing_key is not None:
            _refuse_unusable(signing_key)
        report = _scan(order, registry, store_url, no_store, quiet)
        if record is not None and signing_key is not None:
            from secaudit.cli.signing import sign_files
            from secaudit.transcript.bundle import MANIFEST

            sign_files([record / MANIFEST], signing_key, "bundle", [report.run.id], report.hosts, None)
    _publish(report, chosen, out, quiet)
    return _exit(report, fail_on)


def _replay(
    path: Path,
    baselines: tuple[str, ...],
    only: tuple[str, ...],
    registry: Registry,
    at: datetime | None,
    feeds: Path | None,
    overlay: Overlay,
    sections: bool,
) -> RunReport:
    from secaudit.api import default_feeds
    from secaudit.cli.replaying import replay
    from secaudit.transcript.bundle import read_bundle

    bundle = read_bundle(path)
    return replay(bundle, baselines, only, registry, at, feeds or default_feeds(), overlay, sections=sections)


def _rejudge(
    selection: Selection,
    baselines: tuple[str, ...],
    only: tuple[str, ...],
    registry: Registry,
    at: datetime | None,
    feeds: Path | None,
    store_url: str | None,
    service: tuple[Contracts, Sequence[WaiverGrant] | None],
    sections: bool,
) -> tuple[RunReport, str]:
    """The report, and the language of the customers that it is about."""
    from secaudit.api import default_feeds
    from secaudit.cli.promises import Promises
    from secaudit.cli.rejudging import STORED_BASELINE, rejudge, stored_hosts
    from secaudit.cli.stored import read_store
    from secaudit.cli.targets import choose

    if selection.inventory is None and selection.tags:
        raise CommandError("a choice by tag needs the inventory: name --inventory, or leave out --tag")
    if selection.inventory is None and not baselines:
        baselines = (STORED_BASELINE,)
        click.echo(
            f"The store does not keep which baselines a host has: all are held against {STORED_BASELINE!r}, "
            "which ships with secaudit. Name --inventory for their own, or --baseline.",
            err=True,
        )
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        chosen = choose((), selection) if selection.inventory else stored_hosts(store, selection)
        if not chosen.hosts:
            raise CommandError("the store holds no host that matches the selection")
        targets = chosen.held_against(baselines).refuse_bare()
        overlay = Promises(*service, store, only)
        report = rejudge(store, targets, only, registry, at, feeds or default_feeds(), overlay, sections=sections)
        return report, targets.language


def _scan(order: ScanOrder, registry: Registry, store_url: str | None, no_store: bool, quiet: bool) -> RunReport:
    from secaudit.cli.progress import watcher
    from secaudit.cli.scanning import opened_store, run_scan

    with ExitStack() as stack:
        store = None if no_store else opened_store(store_url, stack)
        watch = stack.enter_context(watcher(quiet))
        _interrupt_on(signal.SIGTERM, stack)
        return run_scan(order, registry, watch, store)


def _refuse_unusable(key: Path) -> None:
    """Better before the scan than after it."""
    from secaudit.model.signing import SigningKey

    SigningKey.read(key)


def _publish(report: RunReport, chosen: Sequence[Format], out: Path | None, quiet: bool) -> None:
    from secaudit.cli.output import summary, write

    if out is None and chosen:
        click.echo(chosen[0].render(report), nl=False)
        return
    paths = write(report, chosen, out) if out else ()
    if not quiet:
        click.echo(summary(report))
        for written, path in zip(chosen if out else (), paths, strict=True):
            name = "JUnit" if written.name == "junit" else written.name.upper()
            click.echo(visible_line(f"{name}: {path}"))


def _exit(report: RunReport, fail_on: str | None) -> Exit:
    from secaudit.model.gate import completeness, judge

    return Exit(judge(report, Severity(fail_on)) if fail_on else completeness(report))


def _interrupt_on(number: signal.Signals, stack: ExitStack) -> None:
    """Treat a polite request to end like Ctrl-C: store what is complete and say what is not."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, interrupt)
    stack.callback(signal.signal, number, before)
