"""A language: its texts, and how it writes numbers, days, times and amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from secaudit.model.contract import Cost, Target
from secaudit.model.hours import Month

from .texts import MONTHS, NUMBERS, TEXTS

LANGUAGES = ("de", "en")

_NBSP = "\u00a0"
_MINUS = "\u2212"
_CENTS = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Language:
    """Texts and forms of `code` (`de` or `en`). Days and times are shown in the zone `timezone`."""

    code: str
    timezone: str

    def text(self, key: str, n: int | None = None, /, **values: object) -> str:
        """The text called `key`; with `n` in its form for that number. Values may hold anything."""
        found = TEXTS[key][LANGUAGES.index(self.code)]
        if n is not None:
            one, _, several = found.partition("|")
            found = (one if n == 1 else several) if several else one
            values.setdefault("n", self.number(n))
        return found.format(**values)

    def spelt(self, n: int) -> str:
        """A number up to twelve in words."""
        words = NUMBERS[self.code]
        return words[n] if n < len(words) else self.number(n)

    def number(self, value: int) -> str:
        """`1.204` in German, `1,204` in English."""
        return self._local(f"{value:,}")

    def decimal(self, value: Decimal) -> str:
        """A number with two decimals and a true minus sign."""
        return self._local(f"{value:,.2f}").replace("-", _MINUS)

    def percent(self, value: Fraction | Decimal) -> str:
        """A percentage with two decimals, cut off and never rounded up: 99.999 does not become 100."""
        exact = Decimal(value.numerator) / value.denominator if isinstance(value, Fraction) else value
        return f"{self.decimal(exact.quantize(_CENTS, ROUND_DOWN))}{self._unit('%')}"

    def hours(self, minutes: int) -> str:
        """Minutes as hours with two decimals."""
        return f"{self.decimal((Decimal(minutes) / 60).quantize(_CENTS))}{_NBSP}h"

    def money(self, cost: Cost) -> str:
        """`980,00 EUR`."""
        return f"{self.decimal(cost.amount)}{_NBSP}{cost.currency}"

    def length(self, span: timedelta) -> str:
        """A length of time in days and hours, or hours and minutes."""
        minutes = int(abs(span).total_seconds()) // 60
        days, rest = divmod(minutes, 24 * 60)
        if days:
            hours = f" {rest // 60}{_NBSP}h" if rest // 60 else ""
            return f"{days}{_NBSP}{self.text('unit_d', days)}{hours}"
        return f"{rest // 60}:{rest % 60:02}{_NBSP}h"

    def target(self, target: Target | None) -> str:
        """A promised time: `5 Werktage`."""
        if target is None:
            return self.text("not_promised")
        return f"{target.amount}{_NBSP}{self.text(f'unit_{target.unit.value}', target.amount)}"

    def day(self, moment: datetime | date) -> str:
        """`31.10.2026`, or `2026-10-31`; moments by the local calendar."""
        local = self._here(moment).date() if isinstance(moment, datetime) else moment
        return f"{local:%d.%m.%Y}" if self.code == "de" else f"{local:%Y-%m-%d}"

    def minute(self, moment: datetime) -> str:
        """`31.10.2026, 03:10`, or `2026-10-31 03:10`."""
        joint = ", " if self.code == "de" else " "
        return f"{self.day(moment)}{joint}{self._here(moment):%H:%M}"

    def month(self, month: Month) -> str:
        """`Oktober 2026`."""
        return f"{self.month_name(month)} {month.year}"

    def month_name(self, month: Month) -> str:
        """`Oktober`."""
        return MONTHS[self.code][month.number - 1]

    def listed(self, items: Sequence[str], most: int = 4) -> str:
        """`a, b und c`; beyond `most` the others are counted."""
        shown = list(items)
        if len(shown) > most:
            left = len(shown) - (most - 1)
            return f"{', '.join(shown[: most - 1])} {self.text('and_more', left)}"
        if len(shown) < 2:
            return "".join(shown)
        return f"{', '.join(shown[:-1])} {self.text('and')} {shown[-1]}"

    def _here(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone))

    def _unit(self, sign: str) -> str:
        return f"{_NBSP}{sign}" if self.code == "de" else sign

    def _local(self, text: str) -> str:
        return text.translate(str.maketrans(",.", ".,")) if self.code == "de" else text
