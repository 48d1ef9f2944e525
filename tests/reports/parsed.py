"""A page taken apart with the standard library's parser, for questions that tests ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "input", "rect", "path", "circle"})


@dataclass(slots=True)
class Element:
    """One element in document order: its path of tags, its attributes, and all text inside it."""

    tag: str
    attributes: dict[str, str | None]
    path: tuple[str, ...]
    text: str = field(default="")


class Page(HTMLParser):
    """Every element of a page. Raises AssertionError when elements are not closed in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert not self._open, f"not closed: {[one.tag for one in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"attribute given twice: {tag} {attrs}"
        element = Element(tag, dict(attrs), tuple(one.tag for one in self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), tuple(one.tag for one in self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a start"
        opened = self._open.pop()
        assert opened.tag == tag, f"</{tag}> closes <{opened.tag}>"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """Elements with one of the tags, in document order."""
        return [one for one in self.elements if one.tag in tags]

    def marked(self, name: str) -> list[Element]:
        """Elements of a class."""
        return [one for one in self.elements if name in (one.attributes.get("class") or "").split()]

    def identified(self, name: str) -> Element:
        """The element with an id."""
        (found,) = [one for one in self.elements if one.attributes.get("id") == name]
        return found

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Tags and the names of their attributes: what text in a report must never be able to change."""
        return [(one.tag, tuple(sorted(one.attributes))) for one in self.elements]
