"""`secaudit firewall`: exact answers about rulesets in files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from secaudit.api import Laboratory, Severity
from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible_line

from . import documents, numbers
from .anomalies import Anomaly, Kind, Location, find_anomalies
from .changes import changes
from .expansion import TooManyPlacesError
from .loading import Loaded, RulesetFormat, kernel_texts, load
from .matches import NumberRange
from .packet import PacketTextError, read_packet
from .reach import Access, Reachability, Service
from .regions import TooManyRegionsError
from .trace import Fate, Tracer
from .verify.aiming import aimed_packets, aims, interfaces
from .verify.ask import ask
from .verify.compare import Comparison

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _options(function: Any) -> Any:
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)
    return click.option(
        "--format",
        "format",
        type=click.Choice(RulesetFormat),
        default=RulesetFormat.AUTO,
        help="What the files are [default: look at them].",
    )(function)


@click.group()
def command() -> None:
    """Analyse packet filter rulesets exactly: dead rules, verdicts, exposure, changes."""


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option("--all", "everything", is_flag=True, help="List hints (severity info), too.")
@_options
def audit(files: tuple[Path, ...], everything: bool, format: RulesetFormat, as_json: bool) -> int:
    """Find rules that do nothing or contradict each other, and who reaches which service.

    FILE is what iptables-save, ip6tables-save, `nft -j list ruleset` or `ipset save` printed, all of one host.
    Exit code 1 when a rule is shadowed, 3 when something could not be decided.
    """
    loaded = load(files, format)
    ruleset = loaded.ruleset
    found = find_anomalies(ruleset)
    services, unsure = _services(loaded)
    undecided = [documents.undecided(entry) for entry in found.undecided] + unsure
    if as_json:
        document = {
            "anomalies": [documents.anomaly(anomaly) for anomaly in found.found],
            "unmodelled": documents.unmodelled(ruleset.unmodelled),
            "undecided": undecided,
            "services": [documents.service(service) for service in services],
        }
        _print_json(document)
    else:
        shown = [anomaly for anomaly in found.found if everything or anomaly.severity is not Severity.INFO]
        _print(_told(shown))
        _print(f"not understood: line {entry.origin.line}: {entry.why}" for entry in ruleset.unmodelled)
        _print(f"not decided: {_place(entry.at)}: {entry.why}" for entry in found.undecided)
        _print(f"not decided: {entry['why']}" for entry in unsure)
        _print(_matrix(services))
        hidden = len(found.found) - len(shown)
        _print([f"{len(shown)} findings" + (f", {hidden} hints (--all)" if hidden else "")])
    if any(anomaly.kind is Kind.SHADOWED for anomaly in found.found):
        return 1
    return 3 if undecided or ruleset.unread else 0


def _services(loaded: Loaded) -> tuple[list[Service], list[dict[str, Any]]]:
    found: list[Service] = []
    unsure: list[dict[str, Any]] = []
    for family in sorted(loaded.families):
        try:
            found += Reachability(loaded.ruleset, family).services()
        except (TooManyPlacesError, TooManyRegionsError):
            unsure.append({"rule": None, "why": f"services over {family.label} would need too many sets", "on": []})
    return found, unsure


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option("--packet", "text", required=True, help="For example 'iif eth0 tcp 10.0.0.1:4000 -> 192.0.2.1:22 new'.")
@_options
def query(files: tuple[Path, ...], text: str, format: RulesetFormat, as_json: bool) -> int:
    """Tell what becomes of one packet, and on which way through tables, chains and rules.

    Exit code 0 when the packet is accepted, 1 when it is not, 3 when the ruleset does not tell.
    """
    try:
        packet = read_packet(text)
    except PacketTextError as error:
        raise UserError(str(error)) from error
    trace = Tracer(load(files, format).ruleset).trace(packet)
    if as_json:
        _print_json(documents.trace(trace))
    else:
        for step in trace.steps:
            place = f"{step.hook} {step.table.label} {step.chain.name}"
            rule = f"line {step.rule.origin.line}: {step.rule.text}" if step.rule else "policy"
            _print([f"{'  ' if step.certain else '? '}{place}: {rule} => {step.action}"])
        _print([f"verdict: {trace.fate}", *(f"  because {reason}" for reason in trace.because)])
    return {Fate.ACCEPT: 0, Fate.UNPROVEN: 3}.get(trace.fate, 1)


_SERVICE = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?")


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option("--to", "to", required=True, help="The service: tcp/22, udp/5000-5010.")
@_options
def reach(files: tuple[Path, ...], to: str, format: RulesetFormat, as_json: bool) -> int:
    """Tell exactly which sources reach a service of the host with a new connection."""
    found = _SERVICE.fullmatch(to)
    if found is None or not int(found[2]) <= int(found[3] or found[2]) <= 65535:
        raise UserError(f"{to} is no service; write tcp/22 or udp/5000-5010")
    ports = NumberRange(int(found[2]), int(found[3] or found[2]))
    protocol = numbers.WITH_PORTS[found[1]]
    loaded = load(files, format)
    ruleset = loaded.ruleset
    try:
        services = [Reachability(ruleset, family).service(protocol, ports) for family in sorted(loaded.families)]
    except (TooManyPlacesError, TooManyRegionsError) as error:
        raise UserError("the sources would need too many sets to be told") from error
    if as_json:
        _print_json({"services": [documents.service(service) for service in services]})
    else:
        _print(_matrix(services) if any(service.access for service in services) else ["nobody"])
    certain = all(access.certain for service in services for access in service.access)
    return 0 if certain and not ruleset.unread else 3


@command.command()
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@_options
def diff(before: Path, after: Path, format: RulesetFormat, as_json: bool) -> int:
    """Tell which packets fare differently under AFTER than under BEFORE.

    Exit code 0 when none does, 1 when some do, 3 when it cannot be told.
    """
    old, new = load([before], format).ruleset, load([after], format).ruleset
    try:
        found = changes(old, new)
    except TooManyPlacesError as error:
        raise UserError("the chains lead to each other too often to be followed") from error
    unread = [*old.unread, *new.unread]
    if as_json:
        changed = [documents.change(change) for change in found.found]
        unsure: list[dict[str, Any]] = [{"rule": None, "why": text, "on": []} for text in found.unsure]
        _print_json({"changes": changed, "undecided": unsure, "unmodelled": documents.unmodelled(unread)})
    else:
        for change in found.found:
            _print([f"{change.packet}", f"  {change.before} -> {change.after}"])
            for word, rule in (("before", change.rule_before), ("after", change.rule_after)):
                _print([f"  {word}: line {rule.origin.line}: {rule.text}" if rule else f"  {word}: policy"])
        _print(f"not compared: {text}" for text in found.unsure)
        _print([f"{len(found.found)} changes"])
    if found.found:
        return 1
    return 3 if found.unsure or unread else 0


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option("--packets", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed sends the same packets.")
@_options
@click.pass_obj
def verify(
    laboratory: Laboratory, files: tuple[Path, ...], packets: int, seed: int, format: RulesetFormat, as_json: bool
) -> int:
    """Hold the analysis of a ruleset against this machine's kernel, packet by packet and rule by rule. Needs root.

    The rules are loaded into a throw-away network namespace, never into this machine's own. Sent are the witnesses of
    `audit` and packets aimed at the bounds of rules. Exit code 0 when kernel and analysis agree, 1 when they do not, 3
    when nothing could be compared.
    """
    texts = kernel_texts(files, format)
    ruleset = load(files, format).ruleset
    names = interfaces(ruleset)
    witnesses = [found.witness for found in find_anomalies(ruleset).found if found.witness is not None]
    aimed = aimed_packets(aims(ruleset), names, packets, laboratory.chooser(seed))
    named = {name for packet in witnesses for name in (packet.in_interface, packet.out_interface) if name}
    with laboratory.kernel(dict.fromkeys([*names, *sorted(named)])) as kernel:
        comparison = ask(kernel, texts, [*witnesses, *aimed], ruleset)
    if as_json:
        _print_json(documents.comparison(comparison))
    else:
        _print(_compared(comparison))
    if comparison.mismatches:
        return 1
    return 0 if comparison.agreed else 3


def _compared(comparison: Comparison) -> Iterator[str]:
    yield from (f"MISMATCH {mismatch}" for mismatch in comparison.mismatches)
    yield f"{comparison.agreed} packets fared as predicted, {len(comparison.mismatches)} mismatches"
    yield f"{comparison.rules} rule counters compared"
    if comparison.undecided:
        yield f"{comparison.undecided} packets were not decided by the analysis"
    for reason, count in Counter(comparison.unsent).most_common():
        yield f"{count} packets not sent: {reason}"


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, default=str))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(visible_line(line))


def _told(found: Iterable[Anomaly]) -> Iterator[str]:
    for anomaly in found:
        yield f"{anomaly.severity.value.upper():<8} {anomaly.kind}: {_place(anomaly.at)}: {anomaly.at.text}"
        for other in anomaly.by:
            yield f"           by {_place(other)}: {other.text}"
        if anomaly.witness is not None:
            yield f"           packet: {anomaly.witness}"


def _place(at: Location) -> str:
    number = f" rule {at.index}" if at.index else ""
    return f"{at.table.label} {at.chain.name}{number} (line {at.line})"


def _matrix(services: Iterable[Service]) -> Iterator[str]:
    for service in services:
        for access in service.access:
            yield f"{service.label:<16} {service.family.label}  {_who(access)}{'' if access.certain else ' (perhaps)'}"
        if service.translated:
            yield f"{service.label:<16} {service.family.label}  may be translated to another destination"


def _who(access: Access) -> str:
    sources = ", ".join(map(str, access.sources))
    through = f" through {', '.join(access.interfaces)}" if access.interfaces else ""
    at = f" at {', '.join(map(str, access.destinations))}" if access.destinations else ""
    return f"{sources}{through}{at}"
