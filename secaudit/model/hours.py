"""Work that was done under a contract, and what a month makes of included, carried and used time. All in minutes."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class WorkKind(StrEnum):
    """What the work was: included maintenance, or development that unused time was converted for."""

    SUPPORT = "support"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class WorkEntry:
    """One line of a ledger: minutes (at least 1) of work on a local day."""

    day: date
    minutes: int
    kind: WorkKind
    ticket: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar; prints as `2026-10`."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        """The month of a day."""
        return cls(day.year, day.month)

    @property
    def index(self) -> int:
        """Months since year 0, to count with."""
        return self.year * 12 + self.number - 1

    @property
    def following(self) -> Month:
        """The next month."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> Month:
        """The month before."""
        return Month((self.index - 1) // 12, (self.index - 1) % 12 + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class Account:
    """What one month did to one sort of time, in minutes; nothing here is ever negative.

    `opening` was carried in, `gained` was included (or came out of conversion), `used` was worked, `covered` of it out
    of this account; the rest, `overdrawn`, was worked beyond it. `expired` was lost at the end of the month,
    `converted` became time of another sort, `closing` is carried on. It always balances:
    opening + gained = covered + expired + converted + closing.
    """

    opening: int
    gained: int
    used: int
    covered: int
    expired: int
    converted: int
    closing: int

    @property
    def overdrawn(self) -> int:
        """Minutes that were worked beyond what there was."""
        return self.used - self.covered


@dataclass(frozen=True, slots=True)
class HoursStatement:
    """A month of a contract: included time for support, and development time out of what was not used.

    `rounded` are minutes that were lost when converted time was rounded down.
    """

    month: Month
    support: Account
    development: Account
    rounded: int
