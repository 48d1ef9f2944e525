"""`secaudit report`: write a stored run as HTML or data, or a customer's month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import format_names, store_option
from secaudit.cli.service_files import HERE, contracts_option, read_contracts, read_resolved
from secaudit.cli.signing import sign_option
from secaudit.cli.times import MonthOf
from secaudit.model.errors import UserError
from secaudit.model.hours import Month

if TYPE_CHECKING:
    from secaudit.api import CustomerReport, FleetReport, ShelfPage
    from secaudit.model.contract import Contracts
    from secaudit.model.run import HostRecord, RunInfo
    from secaudit.store import ChainHead, Store

    R = TypeVar("R", CustomerReport, FleetReport, ShelfPage)

GROUP = "secaudit.reports"
"""The entry-point group of reports on a customer's month."""

_DEFAULTS = {"technical": ("html", "json"), "monthly": ("html",), "fleet": ("html",)}
_PAPER = ("html", "pdf")


@click.command()
@click.option(
    "--kind",
    type=click.Choice(list(_DEFAULTS)),
    default="technical",
    show_default=True,
    help="Whom it is for, see above.",
)
@click.option("--customer", help="Report on this customer (technical: its newest whole scan) [default, monthly: all].")
@click.option("--month", type=MonthOf(), help="Monthly: the month, e.g. 2026-10 or last [default: last].")
@click.option("--due", "is_due", is_flag=True, help="Monthly: only what is due by the contracts and not written yet.")
@click.option("--lang", help="de or en [default: what the customer's contract says; fleet, several customers: en].")
@click.option("--run", "run_id", metavar="RUN", help="Technical: a run of the store [default: the newest whole scan].")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out"),
    show_default=True,
    help="Directory to write to.",
)
@click.option(
    "--format",
    "names",
    callback=format_names,
    help="E.g. html,pdf [default: html,json; fleet: html; monthly: what the contract says].",
)
@click.option("--list", "list_runs", is_flag=True, help="List the stored runs instead.")
@sign_option
@contracts_option
@store_option
def command(
    kind: str,
    customer: str | None,
    month: Month | None,
    is_due: bool,
    lang: str | None,
    run_id: str | None,
    out: Path,
    names: tuple[str, ...],
    list_runs: bool,
    signing_key: Path | None,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Write a stored run as HTML, PDF or data, as the scan itself would have; or what became of a customer's month.

    `--kind monthly` is for customers: what the contract promises, what was kept, broken and not proven, in German or
    English; `DIR/CUSTOMER/index.html` lists them all. Without `--customer` everybody with a contract in force in the
    month gets one; exit code 3 when somebody did not. `--kind fleet` is for the provider: all customers, what is late
    or soon will be, unproven, not scanned, out of date.
    """
    if list_runs:
        return _list(customer, store_url)
    if kind == "monthly":
        from secaudit.cli.stored import read_store

        if run_id is not None:
            raise CommandError("--run is for --kind technical; a month has many runs")
        if is_due and month is not None:
            raise CommandError("--due finds the month that is due; it takes no --month")
        _refuse_formats("monthly", names)
        order = _MonthlyOrder(lang, names, out, signing_key)
        with ExitStack() as stack:
            store = read_store(store_url, stack)
            return _monthly(store, customer, month, is_due, order, read_resolved(contracts, HERE))
    wanted = names or _DEFAULTS[kind]
    if month is not None:
        raise CommandError("--month is for --kind monthly")
    if is_due:
        raise CommandError("--due is for --kind monthly")
    if kind == "fleet":
        if run_id is not None or customer is not None:
            raise CommandError("--kind fleet is about all customers; it takes neither --run nor --customer")
        return _fleet(lang or "en", wanted, out, store_url, signing_key)
    language = lang or _promised_language(customer, contracts)
    return _technical(run_id, customer, language, wanted, out, store_url, signing_key)


def _list(customer: str | None, store_url: str | None) -> int:
    from secaudit.cli.stored import read_store

    with ExitStack() as stack:
        for overview in read_store(store_url, stack).runs(customer):
            run = overview.run
            state = f"finished {run.finished:%Y-%m-%d %H:%M} UTC" if run.finished else "interrupted"
            click.echo(
                f"{run.id}  started {run.started:%Y-%m-%d %H:%M} UTC  "
                f"{overview.recorded}/{overview.planned} hosts  {state}{_partial(run)}"
            )
    return Exit.FINE


def _partial(run: RunInfo) -> str:
    """What keeps a run from standing for its hosts."""
    parts = ["a re-check"] * run.recheck + ["some controls only"] * run.narrow
    return f"  ({', '.join(parts)})" if parts else ""


def _technical(
    run_id: str | None,
    customer: str | None,
    language: str,
    names: tuple[str, ...],
    out: Path,
    url: str | None,
    signing_key: Path | None,
) -> int:
    from secaudit.cli.output import formats, in_language, write, write_files
    from secaudit.cli.stored import read_store, stored_report

    chosen = in_language(formats([name for name in names if name != "pdf"]), language)
    with ExitStack() as stack:
        report = stored_report(
            url, run_id, customer, stack, sections="pdf" in names or any(one.sections for one in chosen)
        )
        head = read_store(url, stack).chain_head()
    written = list(write(report, chosen, out))
    if "pdf" in names:
        from secaudit.cli.paper import print_pdf

        (page,) = in_language(formats(["html"]), language)
        written += write_files({"report.pdf": print_pdf(page.render(report))}, out)
    _told(written, signing_key, "technical", (report.run.id,), report.hosts, head)
    return Exit.FINE


def _promised_language(customer: str | None, contracts: Path | None) -> str:
    """What the contract of a customer says; English without one."""
    if customer is None:
        return "en"
    mine = read_contracts(contracts, HERE).of(customer)
    return mine[-1].report.language if mine else "en"


@dataclass(frozen=True, slots=True)
class _MonthlyOrder:
    """How monthly reports are written; what is empty or None is as the contract says."""

    lang: str | None
    names: tuple[str, ...]
    out: Path
    signing_key: Path | None


def _monthly(
    store: Store, customer: str | None, month: Month | None, is_due: bool, order: _MonthlyOrder, promised: Contracts
) -> int:
    from secaudit.cli.report_months import contracted, tell_trouble

    now = datetime.now(UTC)
    asked = month or Month.of(now.astimezone().date()).previous
    if customer is not None and not is_due:
        _write_month(store, customer, asked, order, promised, now)
        return Exit.FINE
    chosen = contracted(promised, customer, None if is_due else asked, now)
    if is_due:
        chosen = [(one, its) for one, its in chosen if not _is_written(one, its, order, promised)]
        if not chosen:
            click.echo("No report is due that is not written yet.", err=True)
    ended = Exit.FINE
    for one, its in chosen:
        try:
            _write_month(store, one, its, order, promised, now)
        except UserError as error:
            tell_trouble(one, str(error))
            ended = max(ended, Exit.INCOMPLETE)
        except Exception as error:  # noqa: BLE001 - a defect that one customer's data brings to light is its own, too
            tell_trouble(one, f"secaudit failed unexpectedly: {type(error).__name__}: {error}")
            ended = Exit.INTERNAL
    return ended


def _is_written(customer: str, month: Month, order: _MonthlyOrder, promised: Contracts) -> bool:
    """Whether all files of a customer's month lie there, written after it was over."""
    from secaudit.cli.report_months import is_final
    from secaudit.export.attestation import statement_path
    from secaudit.sla.reporting import covering

    contract = covering(promised.of(customer), month)
    if contract is None:
        return False
    stem = f"monthly-{month}-{order.lang or contract.report.language}"
    files = [order.out / customer / f"{stem}.{name}" for name in order.names or contract.report.formats]
    files += [statement_path(file) for file in files if order.signing_key is not None]
    return all(is_final(file, contract, month) for file in files)


def _write_month(
    store: Store, customer: str, month: Month, order: _MonthlyOrder, promised: Contracts, now: datetime
) -> None:
    """Write a customer's month and its index. Raises UserError."""
    from dataclasses import replace

    from secaudit.api import CustomerReport, ShelfPage
    from secaudit.cli.month import month_record
    from secaudit.cli.month_changes import month_changes, phrases
    from secaudit.cli.output import write_files
    from secaudit.cli.promised_files import promised_files
    from secaudit.cli.shelf import INDEX, read_shelf
    from secaudit.cli.translations import phrasebook
    from secaudit.plugins import discover

    if customer.startswith(".") or "/" in customer:
        raise CommandError(f"{customer!r} is no name of a customer")
    maker = _maker("monthly", CustomerReport)
    record = month_record(store, promised, customer, month, now)
    record = replace(record, host_changes=month_changes(store, record, discover()))
    head = store.chain_head()
    if order.signing_key is None and record.contract is not None and record.contract.report.sign:
        raise CommandError(f"the contract of {customer} promises signed reports: give --sign KEY")
    names = order.names
    if not names:
        names = _DEFAULTS["monthly"] if record.contract is None else record.contract.report.formats
        _refuse_formats("monthly", names)
    language = _spoken(order.lang or record.language, maker.languages)
    record = replace(record, phrases=phrases(language), translations=phrasebook(language))
    page = maker.render(record, language)
    folder = order.out / customer
    written = write_files(_printed(f"monthly-{month}-{language}", page, names), folder)
    shelf = read_shelf(folder, customer, record.name, record.timezone, now)
    index = _maker("shelf", ShelfPage).render(shelf, record.language)
    runs = dict.fromkeys(scan.run for scan in record.scans if record.begin <= scan.at < record.until and scan.run)
    files = {} if order.signing_key is None else promised_files(record)
    _told(written, order.signing_key, "monthly", runs, [host.record for host in record.hosts], head, files)
    for path in write_files({INDEX: index}, folder):
        click.echo(path)


def _fleet(lang: str, names: tuple[str, ...], out: Path, store_url: str | None, signing_key: Path | None) -> int:
    from secaudit.api import FleetReport
    from secaudit.cli.fleet_record import fleet_record
    from secaudit.cli.output import write_files
    from secaudit.cli.stored import read_store

    _refuse_formats("fleet", names)
    maker = _maker("fleet", FleetReport)
    language = _spoken(lang, maker.languages)
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        record = fleet_record(store, datetime.now(UTC), "UTC", language)
        hosts = [found.record for found in store.hosts()] if signing_key is not None else []
        head = store.chain_head()
    written = write_files(_printed(f"fleet-{language}", maker.render(record, language), names), out)
    _told(written, signing_key, "fleet", (), hosts, head)
    return Exit.FINE


def _told(
    written: Iterable[Path],
    signing_key: Path | None,
    kind: str,
    runs: Iterable[str],
    hosts: Iterable[HostRecord],
    head: ChainHead | None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Print where files were written, and sign them where that is wanted."""
    for path in written:
        click.echo(path)
    if signing_key is not None:
        from secaudit.cli.signing import sign_files

        for path in sign_files(written, signing_key, kind, runs, hosts, head, files):
            click.echo(path)


def _refuse_formats(kind: str, names: tuple[str, ...]) -> None:
    from secaudit.cli.paper import browser

    unknown = [name for name in names if name not in _PAPER]
    if unknown:
        raise CommandError(f"a {kind} report has no format {', '.join(unknown)}; there are: {', '.join(_PAPER)}")
    if "pdf" in names:
        browser()  # better to say at once that there is none


def _spoken(language: str, languages: tuple[str, ...]) -> str:
    if language not in languages:
        raise CommandError(f"the report does not speak {language!r}; it speaks: {', '.join(languages)}")
    return language


def _printed(stem: str, page: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    from secaudit.cli.paper import print_pdf

    files = {f"{stem}.html": page} if "html" in names else {}
    return files | ({f"{stem}.pdf": print_pdf(page)} if "pdf" in names else {})


def _maker(name: str, kind: type[R]) -> R:
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=name):
        loaded = entry.load()
        if isinstance(loaded, kind):
            return loaded
    raise CommandError(f"the {name} report is not installed; install secaudit again", Exit.INTERNAL)
