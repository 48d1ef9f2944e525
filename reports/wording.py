"""A language's texts, its numbers in digits and in words, and lists: what needs no calendar and no currency.

The catalogue of a language other than English is read when its first text is asked for.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass

from .technical_texts import TECHNICAL
from .texts import TEXTS

LANGUAGES = ("de", "en")
"""English is what the texts are written in; the others have catalogues."""

ALL = ChainMap(dict(TEXTS), dict(TECHNICAL))
"""Every text of every report, by its key."""

_GROUPS = {"de": "."}


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts in the language `code` (`de` or `en`)."""

    code: str

    def text(self, key: str, n: int | None = None, /, **values: object) -> str:
        """The text called `key`; with `n` in its form for that number. Values may hold anything."""
        found = ALL[key]
        if n is not None:
            values.setdefault("n", self.number(n))
        if self.code == "en":
            form = found if isinstance(found, str) else found[0 if n is None or n == 1 else 1]
            return form.format(**values)
        from .catalogue import translations  # noqa: PLC0415 - Babel is loaded only for other languages than English

        catalogue = translations(self.code)
        if isinstance(found, tuple):
            return catalogue.npgettext(key, *found, 1 if n is None else n).format(**values)
        return catalogue.pgettext(key, found).format(**values)

    def number(self, value: int) -> str:
        """`1.204` in German, `1,204` in English."""
        return f"{value:,}".replace(",", _GROUPS.get(self.code, ","))

    def spelt(self, n: int, series: str = "numbers") -> str:
        """A number up to twelve in words; `series` are those that fit the gender of what is counted."""
        words = self.text(series).split(", ")
        return words[n] if n < len(words) else self.number(n)

    def listed(self, items: Sequence[str], most: int = 4, others: str = "and_more") -> str:
        """`a, b und c`; beyond `most` the others are counted, by the text `others`."""
        shown = list(items)
        if len(shown) > most:
            left = len(shown) - (most - 1)
            return f"{', '.join(shown[: most - 1])} {self.text(others, left)}"
        if len(shown) < 2:
            return "".join(shown)
        return f"{', '.join(shown[:-1])} {self.text('and')} {shown[-1]}"
