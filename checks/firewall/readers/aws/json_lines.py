"""Where in a JSON text its objects and lists begin, which the parser of the standard library does not tell."""

from __future__ import annotations

import re
from bisect import bisect_right

Path = tuple[str | int, ...]
"""Keys and positions that lead from the document to a value."""

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([{}\[\],:])', re.DOTALL)


def container_lines(text: str) -> dict[Path, int]:
    """The 1-based line on which each object and list begins. The text must be JSON that was parsed before."""
    newlines = [found.start() for found in re.finditer("\n", text)]
    lines: dict[Path, int] = {}
    path: list[str | int] = []
    word = ""
    for found in _TOKEN.finditer(text):
        match found[2]:
            case None:
                word = found[1]
            case "{" | "[" as opening:
                lines[tuple(path)] = bisect_right(newlines, found.start()) + 1
                path.append(0 if opening == "[" else "")
            case "}" | "]":
                path.pop()
            case ":":
                path[-1] = word
            case _ if isinstance(last := path[-1], int):
                path[-1] = last + 1
    return lines
