"""The text of nft(8) as words: comments are gone, statements end at a line's end or a semicolon."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...rules.matches import NotUnderstoodError


@dataclass(frozen=True, slots=True)
class Word:
    """A word, string or operator, with its 1-based line; the end of a line is a word of its own."""

    text: str
    line: int
    quoted: bool = False


MOST = 100_000
"""Words that definitions may add up to; only files made to be slow need more."""

_WORD = re.compile(
    r"""[ \t\r\f\v]+ | \\\n | (?P<comment>\#[^\n]*) | "(?P<string>[^"\n]*)" | (?P<end>\n)"""
    r"""| (?P<operator>==|!=|<=|>=|[{}();,=<>&|^!]) | (?P<word>[^\s{}();,=<>&|^!"\#]+) | (?P<stray>.)""",
    re.VERBOSE,
)
# Before version 1.0 nft shows an extension of iptables as a comment in the middle of a rule.
_EXTENSION = re.compile(r"#\s*(?:match|target|xt)\b")


def read_words(text: str) -> Iterator[Word]:
    """All words of a text, in order."""
    line = 1
    for found in _WORD.finditer(text):
        match found.lastgroup:
            case "string":
                yield Word(found["string"], line, quoted=True)
            case "comment":
                if _EXTENSION.match(found["comment"]):
                    yield Word(found["comment"], line)
            case None:
                line += found[0].count("\n")
            case _:
                yield Word(found[0], line)
                line += found[0] == "\n"


def shown(words: Sequence[Word]) -> str:
    """Words as one line."""
    parts = [f'"{word.text}"' if word.quoted else word.text for word in words if word.text != "\n" or word.quoted]
    return re.sub(r" ([,;])", r"\1", " ".join(parts))


class Cursor:
    """A place in a list of words."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether all words are taken."""
        return self.at >= len(self._words)

    def rest(self, start: int) -> Sequence[Word]:
        """The words from a place on."""
        return self._words[start:]

    def between(self, start: int) -> Sequence[Word]:
        """The words from a place to here."""
        return self._words[start : self.at]

    def peek(self, ahead: int = 0) -> str:
        """The next word when it is not a string; empty at the end."""
        at = self.at + ahead
        return "" if at >= len(self._words) or self._words[at].quoted else self._words[at].text

    def take(self) -> Word:
        """The next word. Raises `NotUnderstoodError` at the end."""
        if self.done:
            raise NotUnderstoodError("ends too early")
        self.at += 1
        return self._words[self.at - 1]

    def takes(self, *texts: str) -> bool:
        """Take the next words when they are these."""
        if any(self.peek(ahead) != text for ahead, text in enumerate(texts)):
            return False
        self.at += len(texts)
        return True

    def expect(self, text: str) -> None:
        """Take the next word, which must be this one."""
        if not self.takes(text):
            raise NotUnderstoodError(f"{self.peek() or 'the end'} stands where {text} should")

    def number(self) -> int:
        """Take a decimal number."""
        text = self.take().text
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise NotUnderstoodError(f"{text} is not a number")
        return int(text)

    def skip_ends(self) -> None:
        """Take the ends of empty statements."""
        while self.peek() in ("\n", ";"):
            self.at += 1

    def statement(self) -> list[Word]:
        """The words up to the end of the statement, which is taken, or a closing brace, which is not.

        Ends of lines in braces are left out, but for those of the chain that a jump has in its own braces.
        """
        found: list[Word] = []
        depth = 0
        while not self.done:
            text = self.peek()
            if depth == 0 and text in ("\n", ";", "}"):
                self.at += text != "}"
                break
            depth += (text in ("{", "(")) - (text in ("}", ")") and depth > 0)
            word = self.take()
            if text != "\n":
                found.append(word)
            if text in ("jump", "goto") and self.peek() == "{":
                # The rules of a chain without a name keep their ends.
                start = self.at
                self.block()
                found += self._words[start : self.at]
        return found

    def head(self) -> list[Word]:
        """The words before an opening brace or the end of a statement, neither of which is taken."""
        start = self.at
        while not self.done and self.peek() not in ("{", "}", "\n", ";"):
            self.at += 1
        return list(self.between(start))

    def block(self) -> Cursor:
        """Take a whole block in braces; the place in it is behind the opening one. One that is not closed ends here."""
        self.expect("{")
        start, depth = self.at, 1
        while not self.done and depth:
            text = self.peek()
            depth += (text == "{") - (text == "}")
            self.at += 1
        end = self.at if depth else self.at - 1
        return Cursor(self._words[start:end])


def with_definitions(words: Sequence[Word], definitions: Mapping[str, Sequence[Word]]) -> list[Word]:
    """Words with `$name` replaced by what it stands for. Raises `NotUnderstoodError` for a name that is not defined."""
    found: list[Word] = []
    for word in words:
        if word.quoted or not word.text.startswith("$"):
            found.append(word)
        elif word.text[1:] in definitions:
            found += (replace(part, line=word.line) for part in definitions[word.text[1:]])
            if len(found) > MOST:
                raise NotUnderstoodError("definitions stand for too much")
        else:
            raise NotUnderstoodError(f"{word.text} is not defined")
    return found
