"""`secaudit firewall verify`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import click

from secaudit.api import Laboratory
from secaudit.model.errors import UserError

from .. import documents
from ..analysis.anomalies import find_anomalies
from ..verify.aiming import aimed_packets, aims, interfaces
from ..verify.ask import ask
from ..verify.compare import Comparison
from .given import Choice, Given, source_options
from .live import LIVE_MOST, live
from .output import print_json, print_lines

_MOST_REASONS = 8


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--packets", type=click.IntRange(1, 1_000_000), help="How many to send [default: 10000, live 100].")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed sends the same packets.")
@click.option("--live", "live_host", metavar="HOST", help="Send to this host of --inventory instead: see below.")
@click.option("--rate", type=click.IntRange(1, 200), default=50, show_default=True, help="Live packets per second.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def verify(
    laboratory: Laboratory,
    sources: tuple[str, ...],
    packets: int | None,
    seed: int,
    live_host: str | None,
    rate: int,
    as_json: bool,
    choice: Choice,
) -> int:
    """Hold the analysis of a ruleset against this machine's kernel. Goes packet by packet and rule by rule. Needs root.

    The rules are loaded into a throw-away network namespace, never into this machine's own. Sent are the witnesses of
    `audit` and packets aimed at the bounds of rules.

    With --live HOST nothing is loaded: packets go from here to a host that the inventory marks with `probe: true`, and
    what comes back, and what its rules count, is held against its ruleset.

    Exit code 0 when both agree, 1 when they do not, 3 when nothing could be compared.
    """
    if live_host is not None:
        if sources or choice.of_host or choice.stored:
            raise UserError("--live asks its host for the ruleset: give no files and no other host")
        if packets is not None and packets > LIVE_MOST:
            raise UserError(f"a live host is sent at most {LIVE_MOST} packets")
        return live(laboratory, choice.named(live_host), packets or 100, rate, as_json)
    given = choice.given(laboratory, sources)
    comparison = _compared(laboratory, given, packets or 10_000, seed)
    if as_json:
        print_json(documents.comparison(comparison))
    else:
        print_lines(_told(comparison))
    if comparison.mismatches:
        return 1
    return 0 if comparison.agreed else 3


def _compared(laboratory: Laboratory, given: Given, packets: int, seed: int) -> Comparison:
    texts = given.texts()
    ruleset = given.ruleset
    names = interfaces(ruleset)
    witnesses = [found.witness for found in find_anomalies(ruleset).found if found.witness is not None]
    aimed = aimed_packets(aims(ruleset), names, packets, laboratory.chooser(seed))
    named = {name for packet in witnesses for name in (packet.in_interface, packet.out_interface) if name}
    with laboratory.kernel(dict.fromkeys([*names, *sorted(named)])) as kernel:
        return ask(kernel, texts, [*witnesses, *aimed], ruleset)


def _told(comparison: Comparison) -> Iterator[str]:
    yield from (f"MISMATCH {mismatch}" for mismatch in comparison.mismatches)
    yield f"{comparison.agreed} packets fared as predicted, {len(comparison.mismatches)} mismatches"
    yield f"{comparison.rules} rule counters compared"
    if comparison.undecided:
        yield f"{comparison.undecided} packets were not decided by the analysis"
    reasons = Counter(comparison.unsent)
    for reason, count in reasons.most_common(_MOST_REASONS):
        yield f"{count} packets not sent: {reason}"
    if len(reasons) > _MOST_REASONS:
        yield f"and packets not sent for {len(reasons) - _MOST_REASONS} more reasons"
