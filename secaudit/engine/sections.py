"""What families add to the report about a host, from its transcript."""

from __future__ import annotations

from collections.abc import Iterator

from secaudit.api import Facts, Unproven
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import plan_facts
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import HostTranscript
from secaudit.model.inventory import Host
from secaudit.model.section import HostSection, Section
from secaudit.plugins import Registry


def host_sections(transcript: HostTranscript, registry: Registry) -> tuple[HostSection, ...]:
    """The sections of every family whose questions the host was asked, in the order of their names.

    Facts that need reference data are not known here. Never raises for a plugin's trouble: the section says so.
    """
    return tuple(_sections(transcript, registry))


def _sections(transcript: HostTranscript, registry: Registry) -> Iterator[HostSection]:
    asked: set[object] = {answer.request for answer in transcript.answers}
    host = Host(transcript.customer, transcript.site, transcript.host, transcript.address)
    for name, family in sorted(registry.families.items()):
        for declared in family.sections:
            plan = plan_facts(host, declared.requires, registry)
            if not any(request in asked for request in plan.requests):
                continue
            facts = Facts(read_facts(plan, registry, transcript, transcript.opened, ReferenceData()))
            try:
                made = declared.build(facts)
            except Unproven as reason:
                made = Section(f"Not known: {reason.reason}", ())
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the report is written all the same
                made = Section(f"Could not be made: {type(error).__name__}: {error}", ())
            if made is not None:
                yield HostSection(transcript.customer, transcript.host, name, declared.title, made)
