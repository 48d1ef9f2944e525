"""The configuration syntax of FortiOS as a tree: `config`, `edit`, `set`, `append`, `unset`, `next`, `end`.

See "CLI basics" in the FortiOS Administration Guide. What the sections mean is in `fortigate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...rules.ruleset import Origin, RulesetError, Unread


@dataclass(slots=True)
class Node:
    """A section or an entry of one, with the 1-based line that first names it."""

    name: str
    line: int
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    sections: dict[str, Node] = field(default_factory=dict)

    def values(self, key: str) -> tuple[str, ...]:
        """The values of a setting; empty when it is not set."""
        return self.settings.get(key, ())

    def value(self, key: str, default: str = "") -> str:
        """The values of a setting as one text."""
        return " ".join(self.settings[key]) if key in self.settings else default

    def section(self, name: str) -> Node:
        """A section below; an empty one when there is none."""
        return self.sections.get(name) or Node(name, self.line)

    @property
    def text(self) -> str:
        """The entry on one line."""
        shown = [f"edit {self.name}", *(f"set {key} {' '.join(words)}" for key, words in self.settings.items())]
        return "; ".join(shown)


_WORD = re.compile(r"""[ \t\r]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']+)|(\n)|(\S))""", re.DOTALL)


def read_tree(text: str, source: str) -> tuple[Node, tuple[Unread, ...]]:
    """The whole configuration, and the lines that are not in its syntax; `source` is what origins name.

    Repeated sections and entries are one, as they are on a device. Raises `RulesetError` when there is no section.
    """
    root = Node("", 1)
    stack = [(root, False)]
    unread: list[Unread] = []
    for line, words in _statements(text):
        node, is_entry = stack[-1]
        match words:
            case ["config", _, *_]:
                name = " ".join(words[1:])
                stack.append((node.sections.setdefault(name, Node(name, line)), False))
            case ["edit", name] if len(stack) > 1 and not is_entry:
                stack.append((node.entries.setdefault(name, Node(name, line)), True))
            case ["set", key, *given] if len(stack) > 1:
                node.settings[key] = tuple(given)
            case ["append", key, *given] if len(stack) > 1:
                node.settings[key] = node.values(key) + tuple(given)
            case ["unset", key] if len(stack) > 1:
                node.settings.pop(key, None)
            case ["next"] if is_entry:
                stack.pop()
            case ["end"] if len(stack) > 1:
                # Within an entry it ends the section, too.
                del stack[-2 if is_entry else -1 :]
            case _:
                # What stands behind the first words may be a secret.
                shown = Origin(source, line, " ".join(words[:2]))
                unread.append(Unread(shown, "is not in the syntax of the configuration"))
    if not root.sections:
        raise RulesetError("holds no section of a FortiOS configuration")
    if len(stack) > 1:
        end = Origin(source, text.count("\n") + 1, "")
        unread.append(Unread(end, f"the section {stack[-1][0].name} is not ended"))
    return root, tuple(unread)


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Statements with their lines. A quoted word may go on over several lines; `#` begins a line of comment."""
    line, begun = 1, 1
    words: list[str] = []
    position = 0
    while found := _WORD.match(text, position):
        position = found.end()
        quoted = found[1] if found[1] is not None else found[2]
        if found[4]:
            if words:
                yield begun, words
            words, line = [], line + 1
        elif not words and found[3] and found[3].startswith("#"):
            position = text.find("\n", position)
            if position < 0:
                return
        else:
            begun = begun if words else line
            words.append(
                re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else found[3] or found[5]
            )
            line += found[0].count("\n")
    if words:
        yield begun, words
