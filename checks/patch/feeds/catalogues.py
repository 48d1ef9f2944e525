"""What is known about exploitation: CISA's catalogue (KEV) and the scores of EPSS."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .records import Dated, ExploitedRecord, FeedError, Record, ScoreRecord, day, moment

_SCORE_DATE = re.compile(r"score_date:([0-9T:+.Z-]+)")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)


def read_kev(document: Mapping[str, Any], place: str) -> Iterator[Record]:
    """The catalogue, which says itself how many entries it has. Raises FeedError when they are not all there."""
    released = moment(document.get("dateReleased"), place)
    entries = document.get("vulnerabilities")
    if released is None or not isinstance(entries, list):
        raise FeedError(f"{place}: not of the form of the KEV catalogue")
    if document.get("count") != len(entries):
        raise FeedError(f"{place}: the catalogue announces {document.get('count')} entries and has {len(entries)}")
    yield Dated(released)
    for number, entry in enumerate(entries, 1):
        where = f"{place}: entry {number}"
        if not isinstance(entry, dict) or not _CVE.fullmatch(str(entry.get("cveID"))):
            raise FeedError(f"{where}: no CVE")
        yield ExploitedRecord(
            entry["cveID"],
            day(entry.get("dateAdded"), where),
            day(entry.get("dueDate"), where),
            entry.get("knownRansomwareCampaignUse") == "Known",
        )


def read_epss(lines: Iterable[str], place: str) -> Iterator[Record]:
    """The scores of one day; the comment in the first line tells which. Raises FeedError for another form."""
    rows = iter(lines)
    head = next(rows, "")
    if head.startswith("#"):
        dated = _SCORE_DATE.search(head)
        if dated is not None:
            at = moment(dated[1], place)
            if at is not None:
                yield Dated(at)
        head = next(rows, "")
    if head.strip().split(",")[:3] != ["cve", "epss", "percentile"]:
        raise FeedError(f"{place}: not of the form of EPSS: the columns are not cve,epss,percentile")
    for number, row in enumerate(csv.reader(rows), 3):
        try:
            cve, score, percentile = row[0], float(row[1]), float(row[2])
        except (IndexError, ValueError):
            raise FeedError(f"{place}: line {number}: not a CVE and two numbers") from None
        if not _CVE.fullmatch(cve) or not 0 <= score <= 1 or not 0 <= percentile <= 1:
            raise FeedError(f"{place}: line {number}: not a CVE and two numbers between 0 and 1")
        yield ScoreRecord(cve, score, percentile)
