"""What a contract says about holidays and recurring windows, held against the libraries that know them."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from secaudit.config.errors import closest, suggestion

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_ANY_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - rules are about local days


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
    """Refuse a rule that chooses anything but days, or none at all; return it as it is.

    RFC 5545 section 3.3.10. The time of the day stands beside the rule, so rules with times are refused.
    """
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - needed for contracts only

    parts = dict(part.partition("=")[::2] for part in text.upper().split(";"))
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"{text!r} needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, as in FREQ=MONTHLY;BYDAY=1SU")
    unwanted = parts.keys() & {"BYHOUR", "BYMINUTE", "BYSECOND", "UNTIL", "COUNT"}
    if unwanted or "\n" in text or ":" in text:
        named = ", ".join(sorted(unwanted)) or "DTSTART and the like"
        raise ValueError(f"{text!r} must not hold {named}; start, minutes and the contract's validity say that")
    try:
        days = list(islice(rrulestr(text, dtstart=_ANY_DAY), 2))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{text!r} is not a rule of RFC 5545: {error}") from None
    if not days:
        raise ValueError(f"{text!r} never comes due")
    if len(set(days)) < len(days):
        raise ValueError(f"{text!r} chooses the same day for ever")
    return text
