"""What is wrong with a file that a person wrote, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from secaudit.model.baseline import Location
from secaudit.model.errors import UserError
from secaudit.model.safe_text import visible_line


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `location` is None when it has no place in a file: a file that is missing, or a name that was given on the command
    line. `hint` says what would be right and may be empty.
    """

    location: Location | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """`file:line:column: message (hint)`, inert for a terminal and bounded."""
        place = f"{self.location}:{self.location.column}: " if self.location else ""
        return visible_line(place + _cut(self.message) + (f" ({_cut(self.hint)})" if self.hint else ""))


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, sorted by file, line and column; those without a place come first."""
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.location or Location("", 0))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


_LONGEST = 1000


class ConfigError(UserError):
    """One or more problems in the files of a configuration; `str()` gives one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def at(cls, location: Location | None, message: str, hint: str = "") -> ConfigError:
        """The error that holds a single problem."""
        return cls([Problem(location, message, hint)])


_LIST_AT_MOST = 12


def closest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` when one of `known` is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Like `closest`; when nothing is close, all that is known if it is a short list."""
    names = sorted(known)
    listed = f"known: {', '.join(names)}" if 0 < len(names) <= _LIST_AT_MOST else ""
    return closest(word, names) or listed
