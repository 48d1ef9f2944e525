"""Statements about exploitability (VEX): OpenVEX 0.2 and the vulnerabilities of a CycloneDX bill.

Only statements about packages of distributions are kept; their products are package URLs (purl).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from secaudit.model.safe_text import visible_line

from .records import Count, Dated, FeedError, Record, StatementRecord, moment

VALID_FOR = timedelta(days=365)
"""How long a statement counts after it was made, when nobody says until when: software and its use change."""

_OPENVEX = "https://openvex.dev/ns"
_STATUSES = ("not_affected", "affected", "fixed", "under_investigation")
_TYPES = ("pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/")

# https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
_CYCLONEDX: Mapping[str, str] = {
    "not_affected": "not_affected",
    "false_positive": "not_affected",
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
}


def is_vex(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is an OpenVEX document or a CycloneDX bill."""
    context = document.get("@context")
    return (isinstance(context, str) and context.startswith(_OPENVEX)) or document.get("bomFormat") == "CycloneDX"


def read_vex(document: Mapping[str, Any], place: str, left_out: Count) -> Iterator[Record]:
    """Every statement, one for each product. Raises FeedError for what is not of the format's form."""
    reader = _cyclonedx if document.get("bomFormat") == "CycloneDX" else _openvex
    try:
        found = list(reader(document, place, left_out))
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise FeedError(f"{place}: not of the form of VEX ({type(error).__name__}: {error})") from None
    if found:
        yield Dated(max(record.at for record in found))
    yield from found


def _openvex(document: Mapping[str, Any], place: str, left_out: Count) -> Iterator[StatementRecord]:
    for number, stated in enumerate(document["statements"], 1):
        where = f"{place}: statement {number}"
        status = stated["status"]
        if status not in _STATUSES:
            raise FeedError(f"{where}: status {str(status)[:40]!r}; it is one of {', '.join(_STATUSES)}")
        reason = " ".join(str(stated[key]) for key in ("justification", "impact_statement") if stated.get(key)) or str(
            stated.get("action_statement") or ""
        )
        if status == "not_affected" and not reason:
            raise FeedError(f"{where}: not_affected needs a justification or an impact_statement")
        flaw = stated["vulnerability"]
        named = [flaw] if isinstance(flaw, str) else [flaw["name"], *(flaw.get("aliases") or ())]
        told = [source.get(key) for source in (stated, document) for key in ("last_updated", "timestamp")]
        at = _moment(next((one for one in told if one), None), where)
        for product in stated.get("products") or ():
            purl = _product(product, left_out)
            if purl:
                yield statement(named, purl, status, reason, document["author"], at)


def _product(product: Any, left_out: Count) -> str:
    """The purl of a product that is a package of a distribution; empty for another one, which is counted."""
    if isinstance(product, str):
        product = {"@id": product}
    if product.get("subcomponents"):
        # The statement is about a package inside of something else, an image for example, and not about a host.
        left_out("part of another product")
        return ""
    purl = str((product.get("identifiers") or {}).get("purl") or product.get("@id") or "")
    return _package(purl, left_out)


def _package(purl: str, left_out: Count) -> str:
    if purl.startswith(_TYPES):
        return purl
    left_out("other product")
    return ""


def _cyclonedx(document: Mapping[str, Any], place: str, left_out: Count) -> Iterator[StatementRecord]:
    metadata = document.get("metadata") or {}
    references = {one["bom-ref"]: one.get("purl", "") for one in document.get("components") or () if "bom-ref" in one}
    author = _author(metadata)
    for number, flaw in enumerate(document.get("vulnerabilities") or (), 1):
        where = f"{place}: vulnerability {number}"
        analysis = flaw.get("analysis") or {}
        state = analysis.get("state")
        if state is None:
            left_out("without analysis")
            continue
        if state not in _CYCLONEDX:
            raise FeedError(f"{where}: state {str(state)[:40]!r}; it is one of {', '.join(_CYCLONEDX)}")
        reason = " ".join(str(analysis[key]) for key in ("justification", "detail") if analysis.get(key))
        if _CYCLONEDX[state] == "not_affected" and not reason:
            raise FeedError(f"{where}: {state} needs a justification or a detail")
        named = [flaw["id"], *(one["id"] for one in flaw.get("references") or ())]
        at = _moment(analysis.get("lastUpdated") or metadata.get("timestamp"), where)
        for affected in flaw.get("affects") or ():
            purl = _package(references.get(affected["ref"]) or affected["ref"], left_out)
            if purl:
                yield statement(named, purl, _CYCLONEDX[state], reason, author, at)


def _author(metadata: Mapping[str, Any]) -> str:
    authors = metadata.get("authors") or ()
    makers = [*authors, metadata.get("manufacturer"), metadata.get("manufacture"), metadata.get("supplier")]
    return next((str(maker["name"]) for maker in makers if maker and maker.get("name")), "an unnamed author")


def _moment(value: object, place: str) -> datetime:
    at = moment(value, place)
    if at is None:
        raise FeedError(f"{place}: no time at which it was stated")
    return at


def statement(
    named: Sequence[object], purl: str, status: str, reason: str, author: object, at: datetime
) -> StatementRecord:
    """A statement that counts for `VALID_FOR` from `at` (aware UTC). Raises FeedError for what names no flaw."""
    names = tuple(str(name) for name in named)
    if any(not name or len(name) > 100 or " " in name for name in names):
        raise FeedError(f"{names[0][:80]!r} is not the name of a flaw")
    shown = visible_line(reason)[:300], visible_line(str(author))[:100]
    return StatementRecord(names, purl, status, *shown, at, (at + VALID_FOR).date())
