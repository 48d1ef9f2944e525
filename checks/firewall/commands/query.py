"""`secaudit firewall query`."""

from __future__ import annotations

import click

from secaudit.api import Laboratory
from secaudit.model.errors import UserError

from .. import documents
from ..path.trace import Fate, held_back
from ..path.tracer import Tracer
from ..rules.packet import PacketTextError, read_packet
from .given import Choice, source_options
from .output import print_json, print_lines, spot


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--packet",
    "text",
    required=True,
    help="For example '10.0.0.1 tcp/22' or 'iif eth0 tcp 10.0.0.1:4000 -> 192.0.2.1:22 new'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def query(laboratory: Laboratory, sources: tuple[str, ...], text: str, as_json: bool, choice: Choice) -> int:
    """Tell what becomes of one packet. Shows its way through tables, chains and rules.

    Exit code 0 when the packet is accepted, 1 when it is not, 3 when the ruleset does not tell.
    """
    try:
        packet = read_packet(text)
    except PacketTextError as error:
        raise UserError(str(error)) from error
    given = choice.given(laboratory, sources)
    trace = held_back(
        Tracer(given.ruleset).trace(packet), [gap.reason for gap in given.gaps if packet.family in gap.families]
    )
    if as_json:
        print_json(documents.trace(trace))
    else:
        for step in trace.steps:
            place = f"{step.hook} {step.table.label} {step.chain.name}"
            rule = f"{spot(step.rule.origin.line, step.rule)}: {step.rule.text}" if step.rule else "policy"
            print_lines([f"{'  ' if step.certain else '? '}{place}: {rule} => {step.action}"])
        print_lines([f"verdict: {trace.fate}", *(f"  because {reason}" for reason in trace.because)])
    return {Fate.ACCEPT: 0, Fate.UNPROVEN: 3}.get(trace.fate, 1)
