"""What an issue says beyond what changes it: expectation, remedy, evidence, references, the last scan. All bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from secaudit.export.trackers.draft import Section, inert, value
from secaudit.model.evidence import Evidence
from secaudit.store.lifecycle import Finding
from secaudit.store.tracker_issues import Grounds

DETAILED = 5
"""Findings of one issue that are told in detail at most."""
LENGTH = 8_000
"""Characters of all details at most; with the rest it stays below the 32,767 that Jira takes."""

_EVIDENCE, _LINES, _WIDTH = 3, 20, 200


def sections_of(findings: Sequence[Finding], grounds: Mapping[str, Grounds], *, evidence: bool) -> Iterator[Section]:
    """The details of findings (the worst first) from what their last scans said, and which scan saw them last."""
    left = LENGTH
    told = findings[:DETAILED]
    for number, found in enumerate(told, 1):
        known = grounds.get(found.fingerprint)
        if known is None:
            continue
        place = (f"{value(found.host)}  {value(found.subject)}".rstrip(),) if len(findings) > 1 else ()
        prefix = f"{number} of {len(findings)}: " if len(findings) > 1 else ""
        for heading, lines in _parts(known, evidence=evidence):
            bounded = tuple(_bounded((*place, *lines), left))
            left -= sum(len(line) + 1 for line in bounded)
            if bounded:
                yield Section(prefix + heading, bounded)
    newest = max(findings, key=lambda found: found.last_seen)
    yield Section("Seen last", (f"{newest.last_seen:%Y-%m-%d %H:%M} UTC, in the run {value(newest.last_run)}",))


def _parts(known: Grounds, *, evidence: bool) -> Iterator[tuple[str, Sequence[str]]]:
    pair = (("expected", known.expected), ("observed", known.observed))
    if lines := [f"{label + ':':<10} {value(text)}" for label, text in pair if text]:
        yield "Expected and observed", lines
    if known.remediation:
        yield "What to do", _text(known.remediation)
    if evidence and (lines := [line for part in known.evidence[:_EVIDENCE] for line in _excerpt(part)]):
        yield "Evidence", lines
    if known.references:
        yield (
            "References",
            [value(f"{name} {', '.join(clauses)}") for name, clauses in sorted(known.references.items())],
        )


def _excerpt(part: Evidence) -> Iterator[str]:
    notes = [] if part.exit is None else [f"exit {part.exit}"]
    notes += [f"lines {part.lines[0]}-{part.lines[1]}"] if part.lines else []
    yield value(part.source) + (f"  ({', '.join(notes)})" if notes else "")
    for line in _text(part.excerpt) if part.excerpt else ():
        yield f"    {line}"


def _text(text: str) -> list[str]:
    """A text of several lines, each of them visible and not too long."""
    lines = inert(text[: _LINES * _WIDTH]).strip("\n").split("\n")
    shown = [line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in lines[:_LINES]]
    is_cut = len(lines) > _LINES or len(text) > _LINES * _WIDTH
    return [*shown, "…"] if is_cut else shown


def _bounded(lines: Sequence[str], length: int) -> Iterator[str]:
    for line in lines:
        length -= len(line) + 1
        if length < 0:
            yield "…"
            return
        yield line
