"""`secaudit firewall audit`."""

from __future__ import annotations

from typing import Any

import click

from secaudit.api import Laboratory, Severity
from secaudit.model.counted import counted

from .. import documents
from ..analysis.anomalies import Kind, find_anomalies
from ..analysis.service_matrix import all_services
from .given import Choice, source_options
from .output import gap_lines, gaps, matrix, place, print_json, print_lines, service_documents, told

_MOST_RANGES = 8
"""Ranges of addresses that are told of one service; the others are counted, and JSON has all."""


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--all", "everything", is_flag=True, help="List hints (severity info), too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def audit(laboratory: Laboratory, sources: tuple[str, ...], everything: bool, as_json: bool, choice: Choice) -> int:
    """Find rules that do nothing or contradict each other. Also tells who reaches which service.

    Exit code 1 when a rule is shadowed, 3 when something could not be decided or seen.
    """
    given = choice.given(laboratory, sources)
    ruleset = given.ruleset
    found = find_anomalies(ruleset)
    services, unsure = all_services(ruleset, given.families)
    undecided: list[dict[str, Any]] = [documents.undecided(entry) for entry in found.undecided]
    undecided += [{"rule": None, "why": why, "on": []} for why in unsure] + gaps(given)
    if as_json:
        document = {
            "anomalies": [documents.anomaly(anomaly) for anomaly in found.found],
            "unmodelled": documents.unmodelled(ruleset.unmodelled),
            "undecided": undecided,
            "services": service_documents(services),
        }
        print_json(document)
    else:
        shown = [anomaly for anomaly in found.found if everything or anomaly.severity is not Severity.INFO]
        print_lines(told(shown))
        print_lines(f"not understood: line {entry.origin.line}: {entry.why}" for entry in ruleset.unmodelled)
        print_lines(f"not decided: {place(entry.at)}: {entry.why}" for entry in found.undecided)
        print_lines(f"not decided: {why}" for why in unsure)
        print_lines(gap_lines(given))
        print_lines(matrix(services, _MOST_RANGES))
        hidden = len(found.found) - len(shown)
        print_lines([counted(len(shown), "finding") + (f", {counted(hidden, 'hint')} (--all)" if hidden else "")])
    if any(anomaly.kind is Kind.SHADOWED for anomaly in found.found):
        return 1
    return 3 if undecided or ruleset.unread else 0
