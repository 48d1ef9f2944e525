"""What families show of a host in the dashboard, from its transcript and its results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from secaudit.api import Expect, Facts, Family, HostPanel, HostView, Platform, Unproven
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import plan_facts
from secaudit.engine.reference import open_references
from secaudit.model.answer import HostTranscript
from secaudit.model.baseline import Control
from secaudit.model.inventory import Host
from secaudit.model.panel import Panel, TitledPanel
from secaudit.model.result import Result
from secaudit.plugins import Registry


def host_panels(
    transcript: HostTranscript,
    results: Sequence[Result],
    controls: Sequence[Control] | None,
    registry: Registry,
    feeds: Path,
) -> tuple[TitledPanel, ...]:
    """The panels of every family whose questions the host was asked, in the order of their names.

    `controls` are those of the host's baselines, None when nobody knows them: what was asked because of them is then
    not known either. Reference data are read from `feeds`. Never raises for a plugin's trouble: the panel says so.
    """
    return tuple(_panels(transcript, tuple(results), controls, registry, feeds))


def _panels(
    transcript: HostTranscript,
    results: tuple[Result, ...],
    controls: Sequence[Control] | None,
    registry: Registry,
    feeds: Path,
) -> Iterator[TitledPanel]:
    asked: set[object] = {answer.request for answer in transcript.answers}
    host = Host(transcript.customer, transcript.site, transcript.host, transcript.address)
    expected = None if controls is None else tuple(one.expect for one in controls if isinstance(one.expect, Expect))
    judged = {result.family for result in results}
    for name, family in sorted(registry.families.items()):
        declared, trouble = _declared(family)
        if trouble and name in judged:
            yield TitledPanel(name, family.title, Panel(trouble))
        for one in declared:
            mine = plan_facts(host, one.facts, registry, controls or ())
            if name not in judged and not any(request in asked for request in mine.requests):
                continue
            # First, because reference data are loaded for a platform.
            platform = (Platform,) if Platform in registry.collectors else ()
            plan = plan_facts(host, (*platform, *one.facts), registry, controls or ())
            references = open_references((plan,), registry, feeds)
            facts = Facts(read_facts(plan, registry, transcript, transcript.opened, references))
            made = _made(one, HostView(facts, results, expected))
            if made is not None:
                yield TitledPanel(name, one.title, made)


def _declared(family: Family) -> tuple[tuple[HostPanel, ...], str]:
    try:
        return family.panels(), ""
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        return (), f"Could not be loaded: {type(error).__name__}: {error}"


def _made(declared: HostPanel, view: HostView) -> Panel | None:
    try:
        return declared.build(view)
    except Unproven as reason:
        return Panel(f"Not known: {reason.reason}")
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and one plugin's trouble stays its own
        return Panel(f"Could not be made: {type(error).__name__}: {error}")
