"""From the record of all customers to the page."""

from __future__ import annotations

from secaudit.api import FleetReport
from secaudit.model.fleet import CustomerStanding, FamilyStanding, FleetRecord

from ..language import LANGUAGES, Language
from ..page import FLEET, render_page
from ..states import State

MOST_LAGGING = 200


def render(record: FleetRecord, language: str) -> bytes:
    """Write all customers down as a self-contained HTML page in UTF-8; the same record gives the same bytes.

    `language` is one of `LANGUAGES`. Raises ValueError for another one.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}")
    told = Language(language, record.timezone)
    title = told.text("fleet")
    return render_page(
        FLEET,
        title,
        title=title,
        language=language,
        page_word=told.text("page", page="{page}", pages="{pages}"),
        record=record,
        verdict=_verdict(record, told),
        lang=told,
        book=record.translations,
        t=told.text,
        families=sorted({one.family for customer in record.customers for one in customer.families}),
        names={one.customer: one.name or one.customer for one in record.customers},
        standing=_standing,
        worst=worst,
        hosts=sum(one.hosts for one in record.customers),
        lagging=record.lagging[:MOST_LAGGING],
        most_lagging=MOST_LAGGING,
    )


def _verdict(record: FleetRecord, language: Language) -> str:
    """What somebody has to look after, in one sentence."""
    counts = {
        "fleet_overdue": sum(one.overdue for one in record.customers),
        "fleet_stale": record.stale_total,
        "fleet_unproven": sum(one.unproven for one in record.customers),
        "fleet_lagging": len(record.lagging),
    }
    parts = [language.text(key, count) for key, count in counts.items() if count]
    if parts:
        return f"{language.listed(parts)}."
    return language.text("fleet_calm" if record.customers else "customers_none")


def worst(standing: FamilyStanding | None) -> tuple[State, int]:
    """The worst state of a family and how many results are in it; a waived failure is never shown as passed."""
    if standing is None:
        return State.NOT_APPLICABLE, 0
    counts = (
        (State.FAILED, standing.failed),
        (State.UNPROVEN, standing.unproven),
        (State.WAIVED, standing.waived),
        (State.PASSED, standing.passed),
    )
    return next(((state, count) for state, count in counts if count), (State.NOT_APPLICABLE, 0))


def _standing(customer: CustomerStanding, family: str) -> FamilyStanding | None:
    return next((one for one in customer.families if one.family == family), None)


REPORT = FleetReport("fleet", LANGUAGES, render)
