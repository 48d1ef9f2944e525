"""A language with how it writes shares, days, times and amounts (by the CLDR)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name
from babel.numbers import format_currency, format_decimal, format_percent

from secaudit.model.contract import Cost, Target
from secaudit.model.hours import Month

from .wording import LANGUAGES, Wording

__all__ = ["LANGUAGES", "Language"]

_LOCALES = {"de": "de_DE", "en": "en_GB"}
_NBSP = "\u00a0"
_MINUS = "\u2212"
_CENTS = Decimal("0.01")
_MOMENT = timedelta(microseconds=1)
_TWO_DECIMALS = "#,##0.00"


@dataclass(frozen=True, slots=True)
class Language(Wording):
    """A language with its forms of days, times and amounts. Days and times are shown in the zone `timezone`."""

    timezone: str

    def decimal(self, value: Decimal) -> str:
        """A number with two decimals and a true minus sign."""
        return format_decimal(value, _TWO_DECIMALS, locale=self._locale).replace("-", _MINUS)

    def share(self, value: Fraction | Decimal) -> str:
        """A percentage like `percent` without its sign, for where many stand in a row."""
        return self.decimal(_cut(value))

    def percent(self, value: Fraction | Decimal) -> str:
        """A percentage with two decimals, cut off and never rounded up: 99.999 does not become 100."""
        share = _cut(value) / 100
        pattern = Locale.parse(self._locale).percent_formats[None].pattern.replace("#,##0", _TWO_DECIMALS)
        return format_percent(share, pattern, locale=self._locale)

    def hours(self, minutes: int) -> str:
        """Minutes as hours with two decimals."""
        return f"{self.hours_only(minutes)}{_NBSP}h"

    def hours_only(self, minutes: int) -> str:
        """Minutes as hours without the unit, for where many stand in a row."""
        return self.decimal((Decimal(minutes) / 60).quantize(_CENTS))

    def money(self, cost: Cost) -> str:
        """`980,00 €` in German, `€980.00` in English."""
        return format_currency(cost.amount, cost.currency, locale=self._locale)

    def length(self, span: timedelta) -> str:
        """A length of time: `2 Tage 7 h`, `12:10 h`, `4 h`, `13 min`."""
        minutes = int(abs(span).total_seconds()) // 60
        days, rest = divmod(minutes, 24 * 60)
        if days:
            hours = f" {rest // 60}{_NBSP}h" if rest // 60 else ""
            return f"{days}{_NBSP}{self.text('unit_d', days)}{hours}"
        hour, minute = divmod(rest, 60)
        if not hour:
            return f"{minute}{_NBSP}min"
        return f"{hour}:{minute:02}{_NBSP}h" if minute else f"{hour}{_NBSP}h"

    def target(self, target: Target | None) -> str:
        """A promised time: `5 Werktage`."""
        if target is None:
            return self.text("not_promised")
        return f"{target.amount}{_NBSP}{self.text(f'unit_{target.unit.value}', target.amount)}"

    def day(self, moment: datetime | date) -> str:
        """`31.10.2026`, or `31 Oct 2026`; moments by the local calendar."""
        local = self._here(moment).date() if isinstance(moment, datetime) else moment
        return format_date(local, "medium", locale=self._locale)

    def last_day(self, end: datetime) -> str:
        """The last local day of what ends at a moment: at midnight it is the day before."""
        return self.day(end - _MOMENT)

    def accepted_until(self, end: datetime) -> str:
        """The last day of a waiver, whose days are those of UTC."""
        return self.day((end.astimezone(UTC) - _MOMENT).date())

    def minute(self, moment: datetime) -> str:
        """`31.10.2026, 03:10`, or `31 Oct 2026, 03:10`."""
        return f"{self.day(moment)}, {format_time(self._here(moment).time(), 'short', locale=self._locale)}"

    def zone(self, moment: datetime) -> str:
        """What the zone is called at that moment: `Mitteleuropäische Normalzeit`."""
        return get_timezone_name(self._here(moment), locale=self._locale)

    def language(self, code: str) -> str:
        """What a language is called: `Deutsch`; its code when the CLDR has no name for it."""
        try:
            return Locale.parse(code).get_language_name(self._locale) or code
        except (UnknownLocaleError, ValueError):
            return code

    def month(self, month: Month) -> str:
        """`Oktober 2026`."""
        return f"{self.month_name(month)} {month.year}"

    def month_name(self, month: Month) -> str:
        """`Oktober`."""
        return format_date(month.first, "LLLL", locale=self._locale)

    def month_short(self, month: Month) -> str:
        """`Okt`."""
        return format_date(month.first, "LLL", locale=self._locale).removesuffix(".")

    @property
    def _locale(self) -> str:
        return _LOCALES[self.code]

    def _here(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone))


def _cut(value: Fraction | Decimal) -> Decimal:
    exact = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
    return exact.quantize(_CENTS, ROUND_DOWN)
