"""What a contract says about holidays and recurring windows, held against the libraries that know them."""

from __future__ import annotations

from datetime import date, timedelta

from secaudit.config.errors import closest, suggestion
from secaudit.model.recurrence import Recurrence

_FIRST, _DAYS = date(2026, 1, 1), 40 * 366


def parse_country(code: str) -> str:
    """Refuse a country whose holidays are not known; return it as it is."""
    from holidays import list_supported_countries  # noqa: PLC0415 - slow to import, and needed for contracts only

    known = list_supported_countries()
    if code not in known:
        hint = closest(code, known) or "write an ISO 3166-1 code such as DE, AT or CH"
        raise ValueError(f"the holidays of country {code!r} are not known; {hint}")
    return code


def refuse_unknown_subdivision(country: str | None, subdivision: str | None) -> None:
    """Raise ValueError when the region is none of the country's."""
    from holidays import list_supported_countries  # noqa: PLC0415 - slow to import, and needed for contracts only

    if subdivision is None:
        return
    if country is None:
        raise ValueError(f"the subdivision {subdivision!r} needs its country")
    known = list_supported_countries(include_aliases=False).get(country, [])
    if subdivision not in known:
        raise ValueError(f"{country} has no subdivision {subdivision!r}; {suggestion(subdivision, known)}".rstrip("; "))


def parse_rrule(text: str) -> str:
    """Refuse a rule that is none, or that chooses no day in 40 years; return it as it is."""
    rule = Recurrence.parse(text)
    if not any(rule.matches(_FIRST + timedelta(days=days), _FIRST) for days in range(_DAYS)):
        raise ValueError(f"{text!r} never comes due")
    return text
