"""Days that come back: the part of recurrence rules (RFC 5545 section 3.3.10) that chooses days.

A day is asked whether it matches, so a rule that never comes due costs nothing, unlike one that is searched for.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BYDAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_PARTS = ("FREQ", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY")
_LONGEST_INTERVAL = 1000


class Frequency(StrEnum):
    """What a rule counts its interval in."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A parsed rule. `by_day` has pairs of ordinal (0: every) and weekday (Monday is 0). Weeks begin on Monday."""

    frequency: Frequency
    interval: int
    by_month: frozenset[int]
    by_month_day: frozenset[int]
    by_day: frozenset[tuple[int, int]]

    @classmethod
    def parse(cls, text: str) -> Recurrence:
        """Read `FREQ=MONTHLY;BYDAY=1SU` and the like. Raises ValueError that says what would be right."""
        parts: dict[str, str] = {}
        for part in text.split(";"):
            name, equals, value = part.partition("=")
            if name not in _PARTS or not equals or name in parts:
                raise ValueError(
                    f"{text!r}: {part!r} is not one of {', '.join(f'{known}=…' for known in _PARTS)}, each once"
                )
            parts[name] = value
        if parts.get("FREQ") not in tuple(Frequency):
            raise ValueError(f"{text!r} needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, as in FREQ=MONTHLY;BYDAY=1SU")
        rule = cls(
            Frequency(parts["FREQ"]),
            next(iter(_numbers(text, parts.get("INTERVAL", "1"), _LONGEST_INTERVAL))),
            _numbers(text, parts.get("BYMONTH"), 12),
            _numbers(text, parts.get("BYMONTHDAY"), 31, signed=True),
            _weekdays(text, parts.get("BYDAY")),
        )
        short = rule.frequency in (Frequency.DAILY, Frequency.WEEKLY)
        if short and any(ordinal for ordinal, _ in rule.by_day):
            raise ValueError(f"{text!r}: a weekday with a number needs FREQ=MONTHLY or YEARLY")
        if rule.frequency is Frequency.WEEKLY and rule.by_month_day:
            raise ValueError(f"{text!r}: BYMONTHDAY does not go with FREQ=WEEKLY")
        return rule

    def matches(self, day: date, since: date) -> bool:
        """Whether a day is chosen when the rule is counted from `since`."""
        return day >= since and self._in_step(day, since) and self._is_chosen(day, since)

    def _in_step(self, day: date, since: date) -> bool:
        if self.frequency is Frequency.DAILY:
            steps = (day - since).days
        elif self.frequency is Frequency.WEEKLY:
            steps = (_monday(day) - _monday(since)).days // 7
        elif self.frequency is Frequency.MONTHLY:
            steps = (day.year - since.year) * 12 + day.month - since.month
        else:
            steps = day.year - since.year
        return steps % self.interval == 0

    def _is_chosen(self, day: date, since: date) -> bool:
        if self.by_month and day.month not in self.by_month:
            return False
        if self.by_month_day and not self.by_month_day & {day.day, day.day - 1 - monthrange(day.year, day.month)[1]}:
            return False
        if self.by_day:
            return any(weekday == day.weekday() and self._is_nth(day, nth) for nth, weekday in self.by_day)
        return bool(self.by_month_day) or self._is_like(day, since)

    def _is_like(self, day: date, since: date) -> bool:
        """What a rule without days takes over from its first one."""
        if self.frequency is Frequency.DAILY:
            return True
        if self.frequency is Frequency.WEEKLY:
            return day.weekday() == since.weekday()
        is_same_month = self.frequency is Frequency.MONTHLY or bool(self.by_month) or day.month == since.month
        return is_same_month and day.day == since.day

    def _is_nth(self, day: date, nth: int) -> bool:
        """Whether it is the n-th such weekday of its month, or of its year when the rule names no months."""
        if nth == 0:
            return True
        if self.frequency is Frequency.MONTHLY or self.by_month:
            before, last = day.day - 1, monthrange(day.year, day.month)[1]
        else:
            before, last = (day - date(day.year, 1, 1)).days, 365 + (monthrange(day.year, 2)[1] - 28)
        return nth == (before // 7 + 1 if nth > 0 else -((last - 1 - before) // 7 + 1))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _numbers(text: str, value: str | None, most: int, *, signed: bool = False) -> frozenset[int]:
    if value is None:
        return frozenset()
    found = [int(item) if re.fullmatch(r"[+-]?\d{1,4}", item, re.ASCII) else 0 for item in value.split(",")]
    if any(number == 0 or abs(number) > most or (number < 0 and not signed) for number in found):
        raise ValueError(f"{text!r}: {value!r} is not a number between 1 and {most}")
    return frozenset(found)


def _weekdays(text: str, value: str | None) -> frozenset[tuple[int, int]]:
    if value is None:
        return frozenset()
    found = [_BYDAY.fullmatch(item) for item in value.split(",")]
    if not all(found):
        raise ValueError(f"{text!r}: {value!r} is not a weekday such as MO, 1SU or -1FR")
    return frozenset((int(item[1] or 0), _WEEKDAYS.index(item[2])) for item in found if item)
