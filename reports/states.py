"""The five states that a reader sees, and counting them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from secaudit.model.outcome import Outcome
from secaudit.model.result import Result


class State(StrEnum):
    """Outcome as shown, worst first. A waived failure is a state of its own; it is never shown as passed."""

    FAILED = "failed"
    UNPROVEN = "unproven"
    WAIVED = "waived"
    PASSED = "passed"
    NOT_APPLICABLE = "not_applicable"


def state_of(result: Result) -> State:
    """The state that a result is shown in."""
    if result.outcome is Outcome.FAILED and result.waiver is not None:
        return State.WAIVED
    return State(result.outcome.value)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many results are in each state."""

    counts: tuple[tuple[State, int], ...]

    @classmethod
    def of(cls, results: Iterable[Result]) -> Tally:
        """Count results; every state is there, zero or not."""
        counted = Counter(map(state_of, results))
        return cls(tuple((state, counted[state]) for state in State))

    def __getitem__(self, state: State) -> int:
        return dict(self.counts)[state]

    @property
    def total(self) -> int:
        """All results."""
        return sum(count for _, count in self.counts)

    @property
    def worst(self) -> tuple[tuple[State, int], ...]:
        """What a cell of the matrix shows: failed and unproven when there are any, else the worst other state."""
        loud = tuple((state, count) for state, count in self.counts[:2] if count)
        return loud or tuple((state, count) for state, count in self.counts if count)[:1]
