"""How the technical report speaks: its texts in a language, and what checks said in that language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secaudit.model.outcome import UnprovenKind
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.section import Text, told

from ..states import State, Tally
from ..wording import Wording
from ..words import capital, day, minute
from .findings import Finding


@dataclass(frozen=True, slots=True)
class Voice:
    """A language with the words of checks (`book`) and those of the sections that families add (`phrases`)."""

    words: Wording
    book: Phrasebook = field(default_factory=Phrasebook)
    phrases: Mapping[str, str] = field(default_factory=dict)

    def text(self, key: str, n: int | None = None, /, **values: object) -> str:
        """A text of this report; see `Wording.text`."""
        return self.words.text(f"tech_{key}", n, **values)

    def spelt(self, key: str, n: int, series: str, /, **values: object) -> str:
        """A sentence that begins with a number in words."""
        said = self.text(key, n, n=self.words.spelt(n, series), **values)
        return capital(said)

    def finding(self, finding: Finding) -> str:
        """A finding in a sentence without its period: the reason of the first item, else what it is called."""
        return self.book.told(finding.result.reason.strip()).removesuffix(".") or self.name(finding)

    def name(self, finding: Finding) -> str:
        """What a finding is called whatever was seen."""
        return self.book.told(finding.name)

    def section(self, text: Text) -> str:
        """What a family says about a host beyond its checks."""
        return self.book.told(text) if isinstance(text, str) else told(text, self.phrases)

    def tally(self, tally: Tally) -> str:
        """`2 failed, 1 unproven, 40 passed`: what is not zero, for people who do not see the chart."""
        counted = (f"{self.words.number(count)} {self.state(state)}" for state, count in tally.counts if count)
        return ", ".join(counted) or self.text("no_results")

    def state(self, state: State) -> str:
        """The word that stands beside the glyph."""
        return self.text(f"state_{state.value}")

    def kind(self, kind: UnprovenKind | None) -> str:
        """What stood in the way, in a word."""
        return self.text(f"kind_{kind.value if kind is not None else 'none'}")

    def settle(self, kind: UnprovenKind | None) -> str:
        """What would settle it."""
        return self.text(f"settle_{kind.value if kind is not None else 'none'}")

    def period(self, start: datetime, end: datetime | None) -> str:
        """`2026-10-31 02:10 to 02:21 UTC`; the second day is named when it differs. Times are UTC in every language."""
        if end is None:
            return self.text("unfinished_since", start=minute(start))
        if minute(start) == minute(end):
            return minute(start)
        last = f"{end:%H:%M} UTC" if day(start) == day(end) else minute(end)
        return self.text("period", start=minute(start).removesuffix(" UTC"), end=last)

    def hosts(self, names: Sequence[str], others: str = "tech_more_hosts") -> str:
        """The first hosts of a list, and how many more."""
        return self.words.listed(names, 4 if others == "tech_on_more_hosts" else 3, others)
