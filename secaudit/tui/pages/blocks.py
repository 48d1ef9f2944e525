"""What stands beside the matrix of customers: clocks, scans, backups, waivers, reference data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.style import Style
from rich.text import Text

from secaudit.model.outcome import Outcome
from secaudit.store.listing import FindingLine
from secaudit.store.records import HostOverview, RunOverview
from secaudit.tui import words
from secaudit.tui.finding.detail import Finding
from secaudit.tui.services import FeedAge
from secaudit.tui.themes import Look

MOST_ENDED = 2
"""Scans that have ended and are shown beside those that have not."""

MOST_TROUBLED = 4
"""Hosts that were not wholly scanned and are named; the others are counted."""

_PLACE = (12, 8)
"""Cells of a customer and a host."""

RUNNING_FOR = timedelta(hours=12)
"""How long a run without an end counts as running rather than interrupted."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What stands beside the matrix."""

    due: Sequence[FindingLine]
    runs: Sequence[RunOverview]
    troubled: Sequence[HostOverview]
    backups: Sequence[FindingLine]
    waivers: Sequence[tuple[FindingLine, datetime]]
    feeds: Sequence[FeedAge] = ()


def blocks(side: Blocks, names: dict[str, str], now: datetime, look: Look) -> Text:
    """Clocks, scans, backups, waivers and reference data."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("SLA CLOCKS\n", look.strong)
    for found in side.due:
        assert found.due is not None
        left, style = words.due((found.due - now).total_seconds(), look)
        text.append(f"{left:>7} ", style)
        text.append_text(_place(found, look)).append("\n")
    if not side.due:
        text.append("no clock runs\n", look.dim)
    text.append("\nSCANS\n", look.strong)
    ended = [run for run in side.runs if run.run.finished is not None]
    for run in (*(run for run in side.runs if run.run.finished is None), *ended[:MOST_ENDED]):
        text.append_text(_run(run, now, look)).append("\n")
    text.append_text(_troubled(side.troubled, names, look))
    if side.backups:
        text.append("\nBACKUPS NOT FRESH\n", look.strong)
        for found in side.backups:
            style = look.unproven if found.outcome is Outcome.UNPROVEN else look.critical
            text.append(f"{words.span((now - found.opened).total_seconds()):>7} ", style)
            text.append_text(_place(found, look)).append("\n")
    if side.waivers:
        text.append("\nWAIVERS THAT END\n", look.strong)
        for found, until in side.waivers:
            left, style = words.due((until - now).total_seconds(), look)
            text.append(f"{left:>7} ", style)
            text.append_text(_place(found, look)).append("\n")
    text.append_text(_feeds(side.feeds, now, look))
    return text


def _troubled(hosts: Sequence[HostOverview], names: dict[str, str], look: Look) -> Text:
    """Hosts that were not scanned to the end."""
    text = Text()
    for host in hosts[:MOST_TROUBLED]:
        record = host.record
        text.append("  ✗ ", look.critical).append_text(words.line(f"{names.get(record.customer, record.customer)} ▸ "))
        text.append_text(words.line(f"{record.host}  ")).append_text(words.line(record.detail, look.dim)).append("\n")
    left = len(hosts) - MOST_TROUBLED
    return text.append(f"  … {left:,} more hosts not wholly scanned\n" if left > 0 else "", look.dim)


def _feeds(feeds: Sequence[FeedAge], now: datetime, look: Look) -> Text:
    """Reference data with their age and how old they may be."""
    text = Text()
    text.append("\nREFERENCE DATA\n", look.strong)
    for feed in feeds:
        age = now - feed.stamp.at
        is_old = feed.limit is not None and age > feed.limit
        style, mark = (look.critical, "✗") if is_old else (look.dim, "·") if feed.limit is None else (look.good, "✓")
        text.append(f"{words.span(age.total_seconds()):>7} ", look.dim).append(f"{mark} ", style)
        allowed = f"of {words.span(feed.limit.total_seconds())}" if feed.limit is not None else ""
        text.append(f"{allowed:<7} ", look.dim)
        text.append_text(words.line(feed.stamp.name, "" if is_old else look.dim))
        text.append("\n")
    if not feeds:
        text.append("none imported: what needs it is unproven\n", look.dim)
    return text


def _place(found: FindingLine, look: Look) -> Text:
    """Severity, customer, host and subject of a finding."""
    text = Text().append(f"{words.SEVERITIES[found.severity][0]} ", words.severity_style(found.severity, look))
    meant = Finding(found.fingerprint, found.customer, found.host, found.control, found.subject, found.run, found.name)
    place = Text(" ").join([*map(_cell, (found.name, found.host), _PLACE), Text()])
    place.stylize(Style(meta={"@click": ("app.open_finding", (meant,))}))
    return text.append_text(place).append_text(words.line(found.subject or found.title, look.dim))


def _cell(text: str, width: int) -> Text:
    cell = words.line(text)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell


def _run(overview: RunOverview, now: datetime, look: Look) -> Text:
    run = overview.run
    share = overview.recorded / overview.planned if overview.planned else 1.0
    hosts = f"{overview.recorded}/{overview.planned} hosts"
    if run.finished is not None:
        # A host that did not answer is stored as well; only those that were read to the end are a success.
        hosts = f"{overview.complete}/{overview.planned} hosts{words.partial_run(run)}"
        sign = ("✓ ", look.good) if overview.complete == overview.planned else ("? ", look.unproven)
        return Text.assemble(sign, f"{run.started:%d %b %H:%M}  ", (hosts, look.dim))
    if now - run.started > RUNNING_FOR:
        return Text.assemble(("✗ ", look.critical), f"{run.started:%d %b %H:%M}  ", ("interrupted, " + hosts, look.dim))
    done = round(share * 10)
    return Text.assemble(
        ("◐ ", look.accent), f"{run.started:%H:%M} ", ("━" * done, look.accent), ("─" * (10 - done), look.dim),
        f" {share:4.0%} ", (hosts, look.dim),
    )  # fmt: skip
