"""What the charts of a year say in words, and what stands below each of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secaudit.model.hours import Month

from ..language import Language
from ..states import State
from .year import WORST_FIRST, HoursMonth, OpenMonth, ServiceMonth


@dataclass(frozen=True, slots=True)
class Label:
    """What stands below a column: the month in short, and its number with a state that gives it a colour."""

    month: str
    value: str
    state: State


_NOTHING = "–"


def _label(month: Month, value: str | None, state: State, language: Language) -> Label:
    return Label(language.month_short(month), _NOTHING if value is None else value, state)


def open_labels(year: Sequence[OpenMonth], language: Language) -> list[Label]:
    """All findings of each month."""
    return [
        _label(one.month, None, State.UNPROVEN, language)
        if one.total is None
        else _label(one.month, language.number(one.total), State.PASSED, language)
        for one in year
    ]


def open_words(year: Sequence[OpenMonth], language: Language) -> str:
    """`September 2026 not measured, October 2026 14 (2 critical, 12 high)`."""
    return ", ".join(f"{language.month(one.month)} {_open(one, language)}" for one in year)


def _open(one: OpenMonth, language: Language) -> str:
    if one.counts is None:
        return language.text("trend_none")
    parts = [
        f"{language.number(count)} {language.text(f'severity_{severity.value}')}"
        for severity, count in zip(WORST_FIRST, one.counts, strict=True)
        if count
    ]
    return language.number(sum(one.counts)) + (f" ({', '.join(parts)})" if parts else "")


def service_labels(year: Sequence[ServiceMonth], language: Language) -> list[Label]:
    """The percentage of each month, without its sign."""
    return [
        _label(one.month, None if one.percent is None else language.share(one.percent), one.state, language)
        for one in year
    ]


def service_words(year: Sequence[ServiceMonth], language: Language) -> str:
    """`September 2026 not promised, October 2026 99.97%, Target 99.90%, met`."""
    return ", ".join(f"{language.month(one.month)} {_service(one, language)}" for one in year)


def _service(one: ServiceMonth, language: Language) -> str:
    if one.target is None:
        return language.text("not_promised")
    target = language.text("target", percent=language.percent(one.target))
    if one.percent is None:
        return f"{language.text('trend_none')}, {target}"
    return f"{language.percent(one.percent)}, {target}, {language.text(f'state_{one.state.value}')}"


def hours_labels(year: Sequence[HoursMonth], language: Language) -> list[Label]:
    """The hours that were used in each month, without their unit."""
    return [
        _label(one.month, None, State.UNPROVEN if one.is_promised else State.NOT_APPLICABLE, language)
        if one.used is None
        else _label(one.month, language.hours_only(one.used), State.FAILED if one.beyond else State.PASSED, language)
        for one in year
    ]


def hours_words(year: Sequence[HoursMonth], language: Language) -> str:
    """`September 2026 not promised, October 2026 4.25 h of 30.00 h`."""
    return ", ".join(f"{language.month(one.month)} {_hours(one, language)}" for one in year)


def _hours(one: HoursMonth, language: Language) -> str:
    if not one.is_promised:
        return language.text("not_promised")
    if one.used is None or one.there is None:
        return language.text("trend_none")
    said = language.text("of", part=language.hours(one.used), whole=language.hours(one.there))
    if one.beyond > max(one.used - one.there, 0):
        # One of several contracts was overdrawn, which the sum does not tell.
        said += f", {language.hours(one.beyond)} {language.text('overdrawn')}"
    return said
