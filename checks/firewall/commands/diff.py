"""`secaudit firewall diff`."""

from __future__ import annotations

from typing import Any

import click

from secaudit.api import Laboratory
from secaudit.model.errors import UserError

from .. import documents
from ..analysis.changes import changes
from ..sets.expansion import TooManyPlacesError
from .given import Choice, source_options
from .output import gap_lines, gaps, print_json, print_lines, spot


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="[BEFORE] AFTER")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
@click.pass_obj
def diff(laboratory: Laboratory, sources: tuple[str, ...], as_json: bool, choice: Choice) -> int:
    """Tell which packets fare otherwise under AFTER than under BEFORE. Differently translated ones are among them.

    Each is one file or a host; with --host that host is BEFORE. Exit code 0 when no packet fares differently, 1 when
    some do, 3 when it cannot be told.
    """
    places = [[], *([place] for place in sources)] if choice.of_host else [[place] for place in sources]
    if len(places) != 2:
        raise UserError("give BEFORE and AFTER, or --host and AFTER")
    nowhere = Choice(choice.format, None, None, False, choice.store, choice.groups)
    before, after = ((nowhere if place else choice).given(laboratory, place) for place in places)
    try:
        found = changes(before.ruleset, after.ruleset)
    except TooManyPlacesError as error:
        raise UserError("the chains lead to each other too often to be followed") from error
    unread = [*before.ruleset.unread, *after.ruleset.unread]
    if as_json:
        changed = [documents.change(change) for change in found.found]
        unsure: list[dict[str, Any]] = [{"rule": None, "why": text, "on": []} for text in found.unsure]
        unsure += [*gaps(before), *gaps(after)]
        print_json({"changes": changed, "undecided": unsure, "unmodelled": documents.unmodelled(unread)})
    else:
        for change in found.found:
            sides = (
                (change.becomes_before, change.becomes_after) if change.becomes_after else (change.before, change.after)
            )
            print_lines([f"{change.packet}", f"  {sides[0]} -> {sides[1]}"])
            for word, rule in (("before", change.rule_before), ("after", change.rule_after)):
                print_lines([f"  {word}: {spot(rule.origin.line, rule)}: {rule.text}" if rule else f"  {word}: policy"])
        print_lines(f"not compared: {text}" for text in found.unsure)
        print_lines([*gap_lines(before), *gap_lines(after), f"{len(found.found)} changes"])
    if found.found:
        return 1
    return 3 if found.unsure or unread or before.gaps or after.gaps else 0
