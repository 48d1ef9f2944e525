"""What checks say in English, in another language: fixed sentences, and patterns with values in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from string import Formatter
from typing import Self

MOST_TEXT = 4000
"""Characters of a text that is looked up at all; nothing that a check says to people is longer."""

MOST_PARTS = 60
"""Parts of one list."""

MOST_LOOKUPS = 100
"""Lookups for one text, those of its parts included: whatever a host puts into it, a text costs no more than that."""

_DEEPEST = 3
_REMEMBERED = 20_000
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")
_PROSE = re.compile(r"(?<![\w./`-])(?:are|could|does|has|is|not|of|that|the|was)(?![\w./`-])")
"""Words that sentences have and names, packets, rules and versions have not."""

_FEWEST_LETTERS = 3
_WEAK = 9


@dataclass(frozen=True, slots=True)
class Pattern:
    """`The array {name} is not whole: {troubles}.`: text around named values, and what it becomes.

    `literals` stand before, between and after the values; `becomes` are pieces of text, each with the number of the
    value behind it, or None after the last. `weight` is how many characters beside the values have to match; a `weak`
    pattern has hardly a word of its own, as `{what}, {age} old`: other texts may look like that by chance.
    """

    literals: tuple[str, ...]
    becomes: tuple[tuple[str, int | None], ...]
    weight: int
    weak: bool

    @classmethod
    def of(cls, said: str, becomes: str) -> Self:
        """From two texts with the same values in braces.

        Raises ValueError when a value stands twice in `said`, when nothing stands between two values so that nobody can
        tell where one ends, when there are no words beside the values, and when `becomes` has other values.
        """
        literals, names = [""], list[str]()
        for text, name in _pieces(said):
            literals[-1] += text
            if name is not None:
                names.append(name)
                literals.append("")
        if len(set(names)) < len(names) or not all(literals[1:-1]) or _letters(literals) < _FEWEST_LETTERS:
            raise ValueError(f"{said!r} does not tell its values apart")
        pieces = [(text, names.index(name) if name in names else name) for text, name in _pieces(becomes)]
        if {at for _, at in pieces if at is not None} != set(range(len(names))):
            raise ValueError(f"{becomes!r} has not the values of {said!r}")
        return cls(
            literals=tuple(literals),
            becomes=tuple((text, at if isinstance(at, int) else None) for text, at in pieces),
            weight=sum(map(len, literals)),
            weak=_letters(literals) < _WEAK,
        )

    @property
    def end(self) -> tuple[int, str]:
        """A word that a text of this pattern begins (0) or ends (-1) with; no word where values stand at both ends."""
        first, last = self.literals[0], self.literals[-1]
        if " " in first:
            return 0, first.partition(" ")[0]
        return (-1, last.rpartition(" ")[2]) if " " in last else (-1, "")

    def values(self, text: str) -> tuple[str, ...] | None:
        """The values in a text that is wholly of this pattern, each as short as can be and never empty; else None.

        One search for each literal, never going back: where all values may be anything, the first place is as good as
        any later one.
        """
        first, last = self.literals[0], self.literals[-1]
        end = len(text) - len(last)
        at = len(first)
        if not text.startswith(first) or not text.endswith(last) or end <= at:
            return None
        found = []
        for literal in self.literals[1:-1]:
            stop = text.find(literal, at + 1, end)
            if stop < 0:
                return None
            found.append(text[at:stop])
            at = stop + len(literal)
        return (*found, text[at:end]) if at < end else None

    def is_code(self, at: int) -> bool:
        """Whether a value stands between backticks, so that it is a command or a rule."""
        return self.literals[at].endswith("`") and self.literals[at + 1].startswith("`")

    def quotes(self, at: int) -> bool:
        """Whether a value stands where others are quoted: between backticks, in parentheses, behind a colon."""
        return self.is_code(at) or self.literals[at].endswith(("(", ": "))

    def filled(self, values: Sequence[str]) -> str:
        """What the pattern becomes with these values."""
        return "".join(text if at is None else text + values[at] for text, at in self.becomes)


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """English texts of checks in the language of a report; an empty one knows nothing and leaves English as it is.

    A text is looked up as it is; else the pattern with the most literal text that matches all of it counts, and its
    values are looked up in turn. Or it is read as sentences, or as a list with `; ` or `, `, of which every part has to
    be known; where both ways are open, the one that leaves less of the English counts. A text is translated wholly or
    not at all, except that values nobody knows are data and stay.
    """

    sentences: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[Pattern, ...] = ()
    _by_end: dict[tuple[int, str], list[Pattern]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _known: dict[str, str | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for pattern in sorted(self.patterns, key=_heaviest):
            self._by_end.setdefault(pattern.end, []).append(pattern)

    @classmethod
    def of(cls, messages: Mapping[str, str]) -> Self:
        """From a catalogue: what has named values in braces is a pattern. Raises ValueError as `Pattern.of` does."""
        patterns = {said for said in messages if is_pattern(said)}
        return cls(
            {said: becomes for said, becomes in messages.items() if said not in patterns},
            tuple(Pattern.of(said, messages[said]) for said in sorted(patterns)),
        )

    def told(self, text: str) -> str:
        """The text in the language of the report; as it is when it is not known."""
        return self.find(text) or text

    def find(self, text: str) -> str | None:
        """The text in the language of the report; None when it is not known."""
        if not text or len(text) > MOST_TEXT or not (self.sentences or self.patterns):
            return None
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = _Lookup(self).text(text, 0, 0)
            self._known[text] = found.text if found else None
        return self._known[text]

    def matching(self, text: str) -> Iterator[tuple[Pattern, tuple[str, ...]]]:
        """The patterns that match all of a text with their values, the one with the most literal text first."""
        ends = ((0, text.partition(" ")[0]), (-1, text.rpartition(" ")[2]), (-1, ""))
        for pattern in merge(*(self._by_end.get(end, ()) for end in ends), key=_heaviest):
            values = pattern.values(text)
            if values is not None:
                yield pattern, values


def _heaviest(pattern: Pattern) -> tuple[int, tuple[str, ...]]:
    return -pattern.weight, pattern.literals


def _letters(literals: Iterable[str]) -> int:
    return sum(map(str.isalpha, "".join(literals)))


def is_pattern(text: str) -> bool:
    """Whether a message has named values in braces; other braces belong to commands and stand for themselves."""
    try:
        names = [name for _, name in _pieces(text) if name is not None]
    except ValueError:
        return False
    return bool(names) and all(name.isidentifier() for name in names)


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    for literal, name, spec, conversion in Formatter().parse(text):
        yield literal, None if name is None else f"{name}{f':{spec}' if spec else ''}{conversion or ''}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A translation, how many characters of the English were matched for it, and whether prose is left in English."""

    text: str
    weight: int
    loose: bool = False


class _Lookup:
    """The search for one text, with what it may still cost."""

    def __init__(self, book: Phrasebook) -> None:
        self._book = book
        self._left = MOST_LOOKUPS

    def text(self, text: str, depth: int, level: int) -> _Found | None:
        """Look a text up; `level` is the first separator of lists that it may be split at."""
        if self._left <= 0 or depth > _DEEPEST:
            return None
        self._left -= 1
        exact = self._book.sentences.get(text)
        if exact:
            return _Found(exact, len(text))
        found = self._pattern(text, depth)
        listed = self._list(text, depth, level)
        if listed is not None and (found is None or listed.weight > found.weight):
            found = listed
        if found is None and text.endswith("."):
            bare = self.text(text[:-1], depth, level)
            found = _Found(f"{bare.text}.", bare.weight, bare.loose) if bare else None
        return found

    def _pattern(self, text: str, depth: int) -> _Found | None:
        for pattern, values in self._book.matching(text):
            told = [self.text(value, depth + 1, 0) for value in values]
            left = [(at, value) for at, (one, value) in enumerate(zip(told, values, strict=True)) if one is None]
            if any(_PROSE.search(value) for at, value in left if not pattern.quotes(at)):
                continue  # what is left is no value but the rest of a sentence that nobody translated
            if pattern.weak and not any(told) and any(_WORDS.search(v) for at, v in left if not pattern.quotes(at)):
                continue
            return _Found(
                pattern.filled([one.text if one else value for one, value in zip(told, values, strict=True)]),
                pattern.weight + sum(one.weight for one in told if one),
                any(one.loose for one in told if one)
                or any(_WORDS.search(value) is not None for at, value in left if not pattern.is_code(at)),
            )
        return None

    def _list(self, text: str, depth: int, level: int) -> _Found | None:
        for number, separator in enumerate((" ", "; ", ", ")):
            if number < level or separator not in text:
                continue
            parts = _SENTENCE_END.split(text) if separator == " " else text.split(separator)
            if 1 < len(parts) <= MOST_PARTS:
                found = list(self._all(parts, depth, number + 1))
                loose = any(one.loose for one in found)
                # Commas stand in what programs say too: a list with them holds nothing but what is known.
                if len(found) == len(parts) and not (loose and separator == ", "):
                    weight = sum(one.weight for one in found)
                    return _Found(separator.join(one.text for one in found), weight, loose)
        return None

    def _all(self, parts: Iterable[str], depth: int, level: int) -> Iterator[_Found]:
        """The parts as far as they are known."""
        for part in parts:
            found = self.text(part, depth, level)
            if found is None:
                return
            yield found
