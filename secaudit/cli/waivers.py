"""`secaudit waivers`: deviations that are accepted for a while."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.service_files import (
    HERE,
    WAIVERS,
    contracts_option,
    find,
    read_contracts,
    read_waivers,
    waivers_option,
)
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.config.errors import ConfigError
    from secaudit.model.contract import WaiverRules
    from secaudit.model.inventory import Host
    from secaudit.model.result import Result
    from secaudit.model.waiver import WaiverGrant
    from secaudit.sla.waivers import Assessment
    from secaudit.store import Store


@click.group()
def command() -> None:
    """List, add and check accepted deviations."""


@command.command("list")
@click.option("--customer", help="Only this customer.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@waivers_option
@contracts_option
def list_(customer: str | None, as_json: bool, waivers: Path | None, contracts: Path | None) -> int:
    """List waivers and whether each is in force, pending or expired."""
    from secaudit.sla.waivers import assess

    now = datetime.now(UTC)
    rules = _rules(contracts, now)
    grants = _grants(waivers, customer)
    if customer is not None and not grants and not read_contracts(contracts, HERE).of(customer):
        raise CommandError(f"there is neither a waiver nor a contract of {customer}; see --waivers")
    found = [assess(grant, rules(grant.customer), now) for grant in grants]
    _show(found, as_json)
    return Exit.FINE


@command.command()
@click.option("--customer", help="Only this customer.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option(
    "--inventory",
    envvar="SECAUDIT_INVENTORY",
    type=click.Path(path_type=Path),
    help="Says which hosts have which tags; without it a waiver for a tag concerns no host.",
)
@waivers_option
@contracts_option
@store_option
def check(
    customer: str | None,
    as_json: bool,
    inventory: Path | None,
    waivers: Path | None,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Hold waivers against the latest results of every host. Tells which are needed, and which not in order.

    Exit code 1 when a waiver is expired, too long, too broad, incomplete, void or orphaned; 3 when it is not known
    whether one is still needed.
    """
    from secaudit.cli.stored import read_store
    from secaudit.sla.waivers import Standing, assess_over, is_trouble

    now = datetime.now(UTC)
    rules = _rules(contracts, now, inventory)
    grants = _grants(waivers, customer, inventory)
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        if customer is not None and not grants and not store.hosts(customer):
            raise CommandError(f"there is no waiver of {customer}, and the store knows no host of it; see --waivers")
        hosts = list(_scanned(store, inventory, {grant.customer for grant in grants}))
    found = [assess_over(grant, rules(grant.customer), now, hosts) for grant in grants]
    _show(found, as_json)
    if any(is_trouble(assessment.standing) for assessment in found):
        return Exit.FINDINGS
    return Exit.INCOMPLETE if any(each.standing is Standing.UNKNOWN for each in found) else Exit.FINE


@command.command()
@click.option("--customer", required=True, help="The customer's id; its file is called after it.")
@click.option("--control", required=True, help="The control, or a glob of controls.")
@click.option("--host", default="*", show_default=True, help="The host, or a glob of hosts.")
@click.option("--tag", help="Only hosts with this tag.")
@click.option("--subject", default="*", show_default=True, help="The subject, or a glob of subjects.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--approver", help="Who agreed to it.")
@click.option("--reason", required=True, help="Why it is accepted.")
@click.option("--compensation", help="What protects instead.")
@click.option("--start", metavar="DAY|TIME", help="From when it is in force [default: now].")
@click.option("--expires", metavar="DAY|TIME", required=True, help="Its last day, or a time with its zone.")
@click.option("--while-passed", multiple=True, metavar="CONTROL", help="Void as long as this control does not pass.")
@click.option(
    "--inventory",
    envvar="SECAUDIT_INVENTORY",
    type=click.Path(path_type=Path),
    help="Says which customers there are [default: inventory/ if it is here].",
)
@waivers_option
@contracts_option
def add(
    customer: str,
    inventory: Path | None,
    waivers: Path | None,
    contracts: Path | None,
    while_passed: tuple[str, ...],
    **given: str | None,
) -> int:
    """Write a waiver into the customer's file. One that the contract makes worthless is refused."""
    from secaudit.sla.waivers import Standing, assess

    now = datetime.now(UTC)
    _refuse_unknown(customer, inventory or HERE, contracts)
    entry: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    entry = {key: value for key, value in entry.items() if not (key in ("host", "subject") and value == "*")}
    entry.setdefault("start", f"{now:%Y-%m-%dT%H:%MZ}")
    if while_passed:
        entry["while_passed"] = list(while_passed)
    path = find(WAIVERS, waivers, HERE) or Path(WAIVERS)
    file = path if path.suffix in (".yaml", ".yml") else path / f"{customer}.yaml"
    if file.stem != customer:
        entry["customer"] = customer
    added = _append(file, entry, lambda grant: assess(grant, _rules(contracts, now)(customer), now))
    if added.standing not in (Standing.IN_FORCE, Standing.PENDING):
        raise CommandError(f"nothing was written: the waiver would be {added.standing.value}: {added.reason}")
    click.echo(visible_line(f"{file}: {added.grant.name}: {added.reason}"))
    return Exit.FINE


def _refuse_unknown(customer: str, inventory: Path, given: Path | None) -> None:
    """Refuse a customer that neither the inventory nor a contract knows: it is a slip of the pen."""
    from secaudit.config.errors import closest
    from secaudit.config.inventory import load_inventory

    if not inventory.exists():
        return
    known = {host.customer for host in load_inventory(inventory).hosts}
    known |= {contract.customer for contract in read_contracts(given, inventory).all}
    if customer not in known:
        hint = closest(customer, known) or f"there is {', '.join(sorted(known))}"
        raise CommandError(f"neither a contract nor the inventory knows the customer {customer!r}; {hint}")


def _append(file: Path, entry: dict[str, object], judged: Callable[[WaiverGrant], Assessment]) -> Assessment:
    """Write the file with the entry at its end, if it is a waiver file then and the entry is in order.

    Raises CommandError for the entry, and ConfigError for what was wrong in the file before.
    """
    from secaudit.config.errors import ConfigError
    from secaudit.config.waivers import load_waivers
    from secaudit.sla.waivers import Standing

    # A JSON text is a YAML text as well.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    draft = file.with_name(f".{file.stem}.draft") / file.name
    try:
        before = file.read_bytes().decode("utf-8", "surrogateescape") if file.exists() else ""
        glue = "" if not before or before.endswith("\n") else "\n"
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            text = f"{before}{glue}- " + "\n  ".join(lines) + "\n"
            draft.write_bytes(text.encode("utf-8", "surrogateescape"))
            *others, grant = load_waivers(draft)
            found = judged(grant)
            counts = (Standing.IN_FORCE, Standing.PENDING)
            there = next((one for one in others if one.includes(grant) and judged(one).standing in counts), None)
            if found.standing in counts and there is not None:
                raise CommandError(f"nothing was written: {file}:{there.location.line} accepts that already")
            if found.standing in counts:
                draft.replace(file)
        except ConfigError as error:
            raise _refused(error, file, before) from None
        finally:
            draft.unlink(missing_ok=True)
            draft.parent.rmdir()
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from None
    return found


def _refused(error: ConfigError, file: Path, before: str) -> CommandError:
    """What is wrong with the new entry. Raises ConfigError where it was the file before that is wrong."""
    from secaudit.config.waivers import load_waivers

    if any(line.strip() and not line.lstrip().startswith("#") for line in before.splitlines()):
        load_waivers(file)
    said = "; ".join(str(replace(problem, location=None)) for problem in error.problems)
    return CommandError(f"nothing was written: {said}")


def _grants(given: Path | None, customer: str | None, inventory: Path | None = None) -> tuple[WaiverGrant, ...]:
    grants = read_waivers(given, inventory or HERE)
    if grants is None:
        raise CommandError("there are no waivers here; name their file or directory with --waivers")
    return tuple(grant for grant in grants if customer in (None, grant.customer))


def _rules(given: Path | None, now: datetime, inventory: Path | None = None) -> Callable[[str], WaiverRules]:
    """What the contract in force wants of the waivers of a customer."""
    from secaudit.model.contract import WaiverRules
    from secaudit.sla.history import ContractHistory

    contracts = read_contracts(given, inventory or HERE)

    def rules(customer: str) -> WaiverRules:
        contract = ContractHistory(contracts.of(customer)).at(now)
        return contract.waivers if contract else WaiverRules()

    return rules


def _scanned(store: Store, inventory: Path | None, customers: set[str]) -> Iterator[tuple[Host, Sequence[Result]]]:
    """Every scanned host of the customers with its latest results, and with its tags where the inventory knows it."""
    from secaudit.config.inventory import load_inventory
    from secaudit.model.inventory import Host

    known = {(host.customer, host.name): host for host in load_inventory(inventory).hosts} if inventory else {}
    for customer in sorted(customers):
        for overview in store.hosts(customer):
            record = overview.record
            plain = Host(record.customer, record.site, record.host, record.address)
            yield known.get((record.customer, record.host), plain), store.host_results(record.customer, record.host)


def _show(found: Sequence[Assessment], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_plain(assessment) for assessment in found], indent=2))
        return
    rows = [
        [
            assessment.grant.customer,
            assessment.standing.value,
            f"{assessment.grant.expires:%Y-%m-%d %H:%M}",
            assessment.grant.name,
            assessment.grant.owner,
            assessment.reason,
        ]
        for assessment in found
    ]
    for line in aligned([["CUSTOMER", "STATE", "EXPIRES (UTC)", "COVERS", "OWNER", "WHY"], *rows]):
        click.echo(line)


def _plain(assessment: Assessment) -> dict[str, object]:
    from secaudit.export.results import show_time

    grant = assessment.grant
    return {
        "customer": grant.customer,
        "control": grant.control,
        "host": grant.host,
        "tag": grant.tag,
        "subject": grant.subject,
        "owner": grant.owner,
        "approver": grant.approver,
        "reason": grant.reason,
        "start": show_time(grant.start),
        "expires": show_time(grant.expires),
        "file": str(grant.location),
        "state": assessment.standing.value,
        "why": assessment.reason,
        "covers": [result.fingerprint for result in assessment.covered],
    }
