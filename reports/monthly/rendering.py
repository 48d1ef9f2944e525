"""The monthly report: what was promised to a customer and what became of it, as one HTML page that prints on A4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from secaudit.api import CustomerReport
from secaudit.model.availability import Availability
from secaudit.model.evidence import Evidence
from secaudit.model.month import MonthRecord
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.severity import Severity

from ..charts import Segment, stack
from ..excerpts import excerpts
from ..language import LANGUAGES, Language
from ..page import MONTHLY, render_page
from . import charts, columns, sentences, year_words
from .build import build
from .drift import Drift, network_drifts, other_drifts
from .gap_words import gap_rows
from .report import Entry, MonthlyReport, Promise, Tally

MOST_EVIDENCE = 40
"""Findings whose evidence is printed; the technical report has all of it."""

_PARTS = ("met", "broken", "broken_before", "paused", "waived", "running")
_RARE = frozenset({"broken_before"})
"""Parts that are named where there are any only."""


def render(record: MonthRecord, language: str) -> bytes:
    """Write a month down as a self-contained HTML page in UTF-8; the same record gives the same bytes.

    `language` is one of `LANGUAGES`. Raises ValueError for another one.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}")
    drifts = network_drifts(record), other_drifts(record)
    return _page(build(record), Language(language, record.timezone), record.translations, record.logo, *drifts)


def _page(
    report: MonthlyReport,
    language: Language,
    book: Phrasebook,
    logo: bytes = b"",
    drifts: tuple[Drift, ...] = (),
    others: tuple[Drift, ...] = (),
) -> bytes:
    name = report.name or report.customer
    evidenced = [entry for entry in report.findings if entry.severity.at_least(Severity.HIGH)][:MOST_EVIDENCE]
    title = f"{name}: {language.text('report', month=language.month(report.month))}"
    return render_page(
        MONTHLY,
        title,
        title=title,
        language=language.code,
        page_word=language.text("page", page="{page}", pages="{pages}"),
        logo=logo,
        accent=report.contract.report.colour if report.contract is not None else "",
        report=report,
        lang=language,
        book=book,
        t=language.text,
        whose=lambda terms: _whose(terms.number, terms.first, terms.last, language),
        own=_own(report, language),
        name=name,
        sites=len({host.record.site for host in report.hosts}),
        verdict=sentences.verdict(report, language),
        urgent=sentences.urgent(report, language),
        steps=sentences.steps(report, language),
        sentences=sentences,
        gap_rows=gap_rows(report, language),
        drifts=drifts,
        other_drifts=others,
        charts=charts,
        columns=columns,
        year_words=year_words,
        trend_words=lambda promise: _trend_words(promise, language),
        tally_words=lambda tally: _tally_words(tally, language),
        tally_bar=_tally_bar,
        time_bar=_time_bar,
        excerpts=lambda result: excerpts(result.evidence, language),
        evidenced=evidenced,
        shown_before=_shown_before(evidenced),
        severities=tuple(reversed(Severity)),
    )


def _shown_before(evidenced: Iterable[Entry]) -> Mapping[tuple[int, int], int]:
    """For an evidence (number of its finding, place in it) that an earlier finding shows already, which one that is."""
    first: dict[tuple[str, Evidence], int] = {}
    again = {}
    for entry in evidenced:
        for at, evidence in enumerate(entry.result.evidence if entry.result is not None else ()):
            number = first.setdefault((entry.host, evidence), entry.number)
            if number != entry.number and evidence.excerpt:
                again[entry.number, at] = number
    return again


def _own(report: MonthlyReport, language: Language) -> str:
    """What tells the last contract of a month from those before it; nothing when it is the only one."""
    if report.contract is None or not report.earlier:
        return ""
    return _whose(report.contract.number, report.contract_first, report.contract_last, language)


def _whose(number: str, first: date, last: date, language: Language) -> str:
    return language.text("contract_days", number=number, first=language.day(first), last=language.day(last))


def _trend_words(promise: Promise, language: Language) -> str:
    return ", ".join(
        f"{language.month_name(point.month)} "
        + (language.text("trend_none") if point.share is None else f"{round(point.share * 100)} %")
        for point in promise.trend
    )


def _tally_words(tally: Tally, language: Language) -> str:
    counted = ((part, getattr(tally, part)) for part in _PARTS)
    return ", ".join(f"{language.number(n)} {language.text(part)}" for part, n in counted if n or part not in _RARE)


def _tally_bar(tally: Tally, scale: int) -> tuple[Segment[str], ...]:
    return stack([(part, getattr(tally, part)) for part in _PARTS], scale)


def _time_bar(measured: Availability) -> tuple[Segment[str], ...]:
    parts = ("up", "down", "planned", "unmeasured")
    return stack([(part, int(getattr(measured, part).total_seconds())) for part in parts])


REPORT = CustomerReport("monthly", LANGUAGES, render)
