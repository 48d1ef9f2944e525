"""CSV: a row per result, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re

from secaudit.api import Format
from secaudit.export.results import show_time
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.safe_text import visible_line

COLUMNS = (
    "customer",
    "site",
    "host",
    "family",
    "control",
    "check",
    "subject",
    "outcome",
    "severity",
    "kind",
    "title",
    "reason",
    "observed",
    "expected",
    "remediation",
    "first_seen",
    "due",
    "waived_until",
    "baseline",
    "fingerprint",
)

# A cell that begins with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@")

# A spreadsheet of a country with a decimal comma (Germany, Austria) splits at semicolons, quotes or not: what follows
# one begins a cell there.
_INNER = re.compile(r"(;)(?=[\s\"']*[=+\-@])")


def render(report: RunReport) -> bytes:
    """RFC 4180 CSV in UTF-8 with a header line; texts from hosts are one line and never a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(result) for result in report.results)
    return text.getvalue().encode("utf-8", "replace")


def _row(result: Result) -> list[str]:
    values = (
        result.customer,
        result.site,
        result.host,
        result.family,
        result.control,
        result.check,
        result.subject,
        result.outcome.value,
        result.severity.value,
        result.kind.value if result.kind else "",
        result.title,
        result.reason,
        result.observed,
        result.expected,
        result.remediation,
        show_time(result.first_seen) or "",
        show_time(result.due) or "",
        (result.waiver and show_time(result.waiver.expires)) or "",
        result.baseline,
        result.fingerprint,
    )
    return [_inert(value) for value in values]


def _inert(value: str) -> str:
    shown = _INNER.sub(r"\1'", visible_line(value))
    return f"'{shown}" if shown.lstrip(" \"'").startswith(_FORMULA) and not shown.startswith("'") else shown


FORMAT = Format("csv", "results.csv", render)
