"""What families add to reports: about a host from its transcript, and about its change from two transcripts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from secaudit.api import ChangeSection, Facts, Unproven
from secaudit.engine.evaluate import read_facts
from secaudit.engine.plan import HostPlan, plan_facts
from secaudit.engine.reference import ReferenceData
from secaudit.model.answer import Answer, HostTranscript
from secaudit.model.change import HostChange, Obstacle
from secaudit.model.inventory import Host
from secaudit.model.request import Request
from secaudit.model.section import HostSection, Section
from secaudit.plugins import Registry


def host_sections(transcript: HostTranscript, registry: Registry) -> tuple[HostSection, ...]:
    """The sections of every family whose questions the host was asked, in the order of their names.

    Facts that need reference data are not known here. Never raises for a plugin's trouble: the section says so.
    """
    return tuple(_sections(transcript, registry))


def _sections(transcript: HostTranscript, registry: Registry) -> Iterator[HostSection]:
    asked = _asked(transcript)
    for name, family in sorted(registry.families.items()):
        for declared in family.sections:
            plan = plan_facts(_host(transcript), declared.requires, registry)
            if asked.isdisjoint(plan.requests):
                continue
            try:
                made = declared.build(_facts(plan, transcript, registry))
            except Unproven as reason:
                made = Section((f"Not known: {reason.reason}",), ())
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the report is written all the same
                made = Section((f"Could not be made: {type(error).__name__}: {error}",), ())
            if made is not None:
                yield HostSection(transcript.customer, transcript.host, name, declared.title, made)


def change_requests(registry: Registry) -> frozenset[Request]:
    """The questions whose answers `host_changes` looks at."""
    nobody = Host("", "", "", "")
    declared = (change for family in registry.families.values() for change in family.changes)
    return frozenset(
        request for change in declared for request in plan_facts(nobody, change.requires, registry).requests
    )


def host_changes(before: HostTranscript, after: HostTranscript, registry: Registry) -> tuple[HostChange, ...]:
    """What every family whose questions were asked in either scan tells of the change between them, by its name.

    Facts that need reference data are not known here. Never raises for a plugin's trouble: the change says so.
    """
    asked = _asked(before) | _asked(after)
    found = []
    for name, family in sorted(registry.families.items()):
        for declared in family.changes:
            plan = plan_facts(_host(after), declared.requires, registry)
            if not asked.isdisjoint(plan.requests):
                told = _change(declared, plan, (before, after), registry)
                found.append(HostChange(after.host, name, declared.title, before.opened, after.opened, *told))
    return tuple(found)


_Told = tuple[Section | None, Obstacle | None, str]


def _change(
    declared: ChangeSection, plan: HostPlan, scans: tuple[HostTranscript, HostTranscript], registry: Registry
) -> _Told:
    before, after = scans
    now = _facts(plan, after, registry)
    alike = _said(before, plan.requests, declared) == _said(after, plan.requests, declared)
    then = now if alike else _facts(plan, before, registry)
    for facts, obstacle in ((then, Obstacle.UNREAD_BEFORE), (now, Obstacle.UNREAD_AFTER)):
        for fact in declared.requires:
            unread = facts.get(fact)
            if isinstance(unread, Unproven):
                return None, obstacle, unread.reason
    try:
        return declared.build(then, now), None, ""
    except Unproven as trouble:
        return None, Obstacle.UNTOLD, trouble.reason
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the report is written all the same
        return None, Obstacle.UNTOLD, f"{type(error).__name__}: {error}"


def _facts(plan: HostPlan, transcript: HostTranscript, registry: Registry) -> Facts:
    return Facts(read_facts(plan, registry, transcript, transcript.opened, ReferenceData()))


def _said(transcript: HostTranscript, requests: Collection[Request], declared: ChangeSection) -> frozenset[object]:
    """What came back to the requests, whenever that was and without noise."""
    return frozenset(
        _content(answer, declared.noise.get(answer.request))
        for answer in transcript.answers
        if answer.request in requests
    )


def _content(answer: Answer, noise: re.Pattern[bytes] | None) -> object:
    stdout = answer.stdout if noise is None else noise.sub(b"", answer.stdout)
    return answer.request, answer.status, answer.exit, stdout, answer.stderr, answer.truncated, answer.detail


def _asked(transcript: HostTranscript) -> frozenset[Request]:
    return frozenset(answer.request for answer in transcript.answers)


def _host(transcript: HostTranscript) -> Host:
    return Host(transcript.customer, transcript.site, transcript.host, transcript.address)
