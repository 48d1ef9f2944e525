"""`secaudit firewall audit`."""

from __future__ import annotations

from typing import Any

import click

from secaudit.api import Laboratory, Severity

from .. import documents
from ..anomalies import Kind, find_anomalies
from ..expansion import TooManyPlacesError
from ..reach import Reachability, Service
from ..regions import TooManyRegionsError
from .given import Choice, Given, source_options
from .output import gap_lines, gaps, matrix, place, print_json, print_lines, service_documents, told


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--all", "everything", is_flag=True, help="List hints (severity info), too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def audit(laboratory: Laboratory, sources: tuple[str, ...], everything: bool, as_json: bool, choice: Choice) -> int:
    """Find rules that do nothing or contradict each other, and who reaches which service.

    Exit code 1 when a rule is shadowed, 3 when something could not be decided or seen.
    """
    given = choice.given(laboratory, sources)
    ruleset = given.ruleset
    found = find_anomalies(ruleset)
    services, unsure = _services(given)
    undecided = [documents.undecided(entry) for entry in found.undecided] + unsure + gaps(given)
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
        print_lines(f"not decided: {entry['why']}" for entry in unsure)
        print_lines(gap_lines(given))
        print_lines(matrix(services))
        hidden = len(found.found) - len(shown)
        print_lines([f"{len(shown)} findings" + (f", {hidden} hints (--all)" if hidden else "")])
    if any(anomaly.kind is Kind.SHADOWED for anomaly in found.found):
        return 1
    return 3 if undecided or ruleset.unread else 0


def _services(given: Given) -> tuple[list[Service], list[dict[str, Any]]]:
    found: list[Service] = []
    unsure: list[dict[str, Any]] = []
    for family in sorted(given.families):
        try:
            found += Reachability(given.ruleset, family).services()
        except (TooManyPlacesError, TooManyRegionsError):
            unsure.append({"rule": None, "why": f"services over {family.label} would need too many sets", "on": []})
    return found, unsure
