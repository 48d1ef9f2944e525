"""Section 9 in words: what could not be proven, why, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..language import Language
from .proofs import PROOFS
from .report import Doubt, DoubtKind, MonthlyReport, Part
from .sentences import lacks

MOST_ROWS = 80
"""Rows of section 9; results.json has all results."""

_MOST_NAMES = 8
_COUNTED_PARTS = frozenset({Part.COPIES, Part.OFFSITE})
"""Numbers of the 3-2-1-1-0 rule that checks do prove, as far as they can."""

_CHECKED_PARTS = frozenset(proof.part for proofs in PROOFS.values() for proof in proofs if proof.checks)


@dataclass(frozen=True, slots=True)
class GapRow:
    """A row: `names` say where, `reason` is what stood in the way in the words of a check."""

    what: str
    names: str
    why: str
    settle: str
    reason: str = ""


def gap_rows(report: MonthlyReport, language: Language) -> tuple[GapRow, ...]:
    """All that is unproven, in the order of the report."""
    return tuple(_row(doubt, report, language) for doubt in report.doubts[:MOST_ROWS])


def _row(doubt: Doubt, report: MonthlyReport, language: Language) -> GapRow:
    t = language.text
    names = language.listed(doubt.names, _MOST_NAMES)
    match doubt.kind:
        case DoubtKind.UNSCANNED:
            return GapRow(t("hosts", doubt.count), names, t("host_unscanned"), t("settle_scan"))
        case DoubtKind.UNREACHABLE | DoubtKind.PARTIAL:
            reached = "settle_unreachable" if doubt.kind is DoubtKind.UNREACHABLE else "settle_whole"
            return GapRow(t("hosts", doubt.count), names, t(f"gap_{doubt.kind.value}"), t(reached))
        case DoubtKind.SCANS:
            return GapRow(t("scans_n", doubt.count), names, t("gap_scans"), t("settle_whole"))
        case DoubtKind.RESULTS:
            kind = doubt.obstacle.value if doubt.obstacle else "none"
            where = f"{names}: {language.listed(doubt.controls)}"
            return GapRow(t("checks_n", doubt.count), where, t(f"kind_{kind}"), t(f"settle_{kind}"), doubt.reason)
        case DoubtKind.FINDINGS:
            where = f"{names}: {language.listed(doubt.controls)}"
            return GapRow(t("findings_n", doubt.count), where, t("gap_findings"), t("settle_scan"))
        case DoubtKind.PART | DoubtKind.RULE:
            return _part(doubt, language)
        case DoubtKind.COPY | DoubtKind.DAYS | DoubtKind.AT_END:
            return _copy(doubt, names, language)
        case DoubtKind.SERVICE:
            return _service(doubt, report, language)
        case DoubtKind.CERTIFICATE:
            return GapRow(t("certificate"), names, t("gap_certificate"), t("settle_certificate"))
        case DoubtKind.LEDGER:
            return GapRow(t("hours"), "", t("gap_ledger"), t("settle_ledger"))
        case DoubtKind.CHANGES:
            return GapRow(t("promise_firewall"), names, t("gap_changes"), t("settle_whole"))


def _part(doubt: Doubt, language: Language) -> GapRow:
    t = language.text
    if doubt.kind is DoubtKind.RULE:
        counted = doubt.part in _COUNTED_PARTS
        why = t("gap_counted" if counted else "gap_rule")
        names = language.listed(doubt.names, _MOST_NAMES)
        return GapRow(lacks(doubt, language), names, why, t("settle_check" if counted else "settle_new_check"))
    title = ", ".join(t(f"promise_{promise.value}") for promise in sorted(doubt.promises))
    why = t("gap_part_on", hosts=language.listed(doubt.names, _MOST_NAMES)) if doubt.names else t("promise_unchecked")
    settle = "settle_check" if doubt.part in _CHECKED_PARTS else "settle_new_check"
    return GapRow(f"{title}: {lacks(replace(doubt, names=()), language)}", "", why, t(settle))


def _copy(doubt: Doubt, name: str, language: Language) -> GapRow:
    t = language.text
    what = t("copy_of", name=name)
    if doubt.kind is DoubtKind.DAYS:
        return GapRow(what, "", t("days_unmeasured", doubt.count), t("settle_daily"))
    settle = "settle_check" if doubt.kind is DoubtKind.COPY else "settle_daily"
    return GapRow(what, "", t(f"gap_{doubt.kind.value}"), t(settle))


def _service(doubt: Doubt, report: MonthlyReport, language: Language) -> GapRow:
    t = language.text
    what = f"{t('availability')}: {language.listed(doubt.names)}"
    rows: Sequence[str] = [
        t("too_little", percent=language.percent(row.measured.coverage), least=language.percent(row.least))
        for row in (*(row for one in report.earlier for row in one.services), *report.services)
        if row.name in doubt.names and row.measured is not None and row.measured.coverage is not None
    ]
    why = t("no_probes") if doubt.reason or not rows else rows[-1]
    return GapRow(what, "", why, t("settle_service"), doubt.reason)
