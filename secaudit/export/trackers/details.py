"""What an issue says beyond what changes it: expectation, remedy, evidence, references, the last scan. All bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from secaudit.export.trackers.draft import LISTED, Section, inert, value
from secaudit.model.evidence import Evidence
from secaudit.store.lifecycle import Finding
from secaudit.store.tracker_issues import Grounds

DETAILED = 5
"""Findings of one issue of which evidence and expectation are told; what to do is told for all that are listed."""
LENGTH = 2_500
"""Characters of each section at most; with the list of findings an issue stays below the 32,767 that Jira takes."""

_EXCERPTS, _LINES, _WIDTH = 3, 20, 200

_Known = Sequence[tuple[Finding, Grounds]]


def sections_of(findings: Sequence[Finding], grounds: Mapping[str, Grounds], *, evidence: bool) -> Iterator[Section]:
    """The details of findings (the worst first) from what their last scans said, and which scan saw them last."""
    known = [(found, grounds[found.fingerprint]) for found in findings[:LISTED] if found.fingerprint in grounds]
    told = known[:DETAILED]
    is_several = len(findings) > 1
    some = f" (the worst {len(told)} of {len(findings)})" if len(findings) > len(told) else ""
    parts: list[tuple[str, Sequence[str]]] = [
        (f"Expected and observed{some}", _placed(told, [_measure(said) for _, said in told], several=is_several)),
        ("What to do", _remedies(known, several=is_several)),
        ("References", _references(known)),
    ]
    if evidence:
        excerpts = [[line for part in said.evidence[:_EXCERPTS] for line in _excerpt(part)] for _, said in told]
        parts.insert(2, (f"Evidence{some}", _placed(told, excerpts, several=is_several)))
    for heading, lines in parts:
        if lines:
            yield Section(heading, tuple(_bounded(lines)))
    newest = max(findings, key=lambda found: found.last_seen)
    yield Section("Seen last", (f"{newest.last_seen:%Y-%m-%d %H:%M} UTC, in the run {value(newest.last_run)}",))


def _placed(told: _Known, texts: Sequence[Sequence[str]], *, several: bool) -> list[str]:
    """Texts about findings, each under where it was found if there are several findings."""
    lines: list[str] = []
    for (found, _), text in zip(told, texts, strict=True):
        if text:
            lines += [*([""] if lines else []), *([_place(found)] if several else []), *text]
    return lines


def _measure(said: Grounds) -> list[str]:
    pairs = (("expected", said.expected), ("observed", said.observed))
    return [f"{label + ':':<10} {value(text)}" for label, text in pairs if text]


def _remedies(known: _Known, *, several: bool) -> list[str]:
    """Each remedy once; where they differ, under what it is for."""
    places: dict[str, list[str]] = {}
    for found, said in known:
        if said.remediation:
            places.setdefault(said.remediation, []).append(_place(found))
    lines: list[str] = []
    for text, mine in places.items():
        head = mine if several and len(places) > 1 else []
        lines += [*([""] if lines and head else []), *head, *_text(text)]
    return lines


def _references(known: _Known) -> list[str]:
    clauses: dict[str, set[str]] = {}
    for _, said in known:
        for standard, named in said.references.items():
            clauses.setdefault(standard, set()).update(named)
    return [value(f"{standard} {', '.join(sorted(named))}") for standard, named in sorted(clauses.items())]


def _place(found: Finding) -> str:
    return f"{value(found.host)}  {value(found.subject)}".rstrip()


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


def _bounded(lines: Sequence[str]) -> Iterator[str]:
    left = LENGTH
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            yield "…"
            return
        yield line
