"""XML as a tree whose elements know their line. Documents with a DOCTYPE are refused, and with it all entities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Never
from xml.parsers import expat

from ...rules.ruleset import RulesetError

_DEPTH = 64


@dataclass(slots=True)
class Element:
    """An element with its 1-based line, and the text that stands directly in it, without outer space."""

    tag: str
    line: int
    parts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the element itself."""
        return "".join(self.parts).strip()

    def all(self, *path: str) -> Iterator[Element]:
        """Elements below, by the tags that lead to them."""
        found = [self]
        for tag in path:
            found = [child for element in found for child in element.children if child.tag == tag]
        yield from found

    def first(self, *path: str) -> Element | None:
        """The first element below, or None."""
        return next(self.all(*path), None)

    def value(self, *path: str) -> str:
        """The text of the first element below; empty when there is none."""
        found = self.first(*path)
        return found.text if found is not None else ""

    def has(self, *path: str) -> bool:
        """Whether there is such an element, be it empty."""
        return self.first(*path) is not None


def read_xml(text: str) -> Element:
    """The root element. Raises `RulesetError` for what is not well formed, nests too deeply, or has a DOCTYPE."""
    root = Element("", 1)
    stack = [root]
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True

    def start(tag: str, _: object) -> None:
        if len(stack) > _DEPTH:
            raise RulesetError("is XML that nests too deeply")
        element = Element(tag, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        stack.pop()

    def characters(data: str) -> None:
        stack[-1].parts.append(data)

    def doctype(*_: object) -> Never:
        raise RulesetError("is XML with a DOCTYPE, which a configuration never has")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, ValueError) as error:
        raise RulesetError(f"is not XML: {type(error).__name__}") from error
    return root.children[0]
