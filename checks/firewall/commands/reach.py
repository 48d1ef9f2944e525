"""`secaudit firewall reach`."""

from __future__ import annotations

import re

import click

from secaudit.api import Laboratory
from secaudit.model.errors import UserError

from ..analysis.reach import Reachability
from ..rules import numbers
from ..rules.matches import NumberRange
from ..sets.expansion import TooManyPlacesError
from ..sets.regions import TooManyRegionsError
from .given import Choice, source_options
from .output import gap_lines, gaps, matrix, print_json, print_lines, service_documents

_SERVICE = re.compile(r"(tcp|udp)/(\d{1,5})(?:-(\d{1,5}))?")


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--to", "to", required=True, help="The service: tcp/22, udp/5000-5010.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def reach(laboratory: Laboratory, sources: tuple[str, ...], to: str, as_json: bool, choice: Choice) -> int:
    """Tell exactly which sources reach a service of the host. New connections are meant.

    Exit code 3 when conditions are not known, or a part of the ruleset could not be seen.
    """
    found = _SERVICE.fullmatch(to)
    if found is None or not int(found[2]) <= int(found[3] or found[2]) <= 65535:
        raise UserError(f"{to} is no service; write tcp/22 or udp/5000-5010")
    ports = NumberRange(int(found[2]), int(found[3] or found[2]))
    protocol = numbers.WITH_PORTS[found[1]]
    given = choice.given(laboratory, sources)
    try:
        services = [Reachability(given.ruleset, family).service(protocol, ports) for family in sorted(given.families)]
    except (TooManyPlacesError, TooManyRegionsError) as error:
        raise UserError("the sources would need too many sets to be told") from error
    if as_json:
        document = {"services": service_documents(services)}
        print_json(document | ({"undecided": gaps(given)} if given.gaps else {}))
    else:
        print_lines(matrix(services) if any(service.access for service in services) else ["nobody"])
        print_lines(gap_lines(given))
    certain = all(access.certain for service in services for access in service.access)
    return 0 if certain and not given.ruleset.unread and not given.gaps else 3
