"""What the project tells its users: pages, their links and headings, and the command lines they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "secaudit" / "config" / "examples"

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_PROMPT = re.compile(r"^\s*(?:[$#] )?(?:sudo )?(secaudit .*)$")
_SENTENCE = re.compile(r"[:;] (secaudit [a-z].*)$")


class Line(NamedTuple):
    """A command line and the page that shows it."""

    page: str
    text: str


def pages() -> list[Path]:
    """All pages in Markdown: of the project, its families, and the examples."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "checks").glob("*/docs/*.md")),
        *sorted(EXAMPLES.rglob("*.md")),
    ]


def name(path: Path) -> str:
    """A page as it lies in the project."""
    return str(path.relative_to(ROOT))


def links(path: Path) -> list[str]:
    """Targets of the links and pictures of a page that lead to files of the project or to headings."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> set[str]:
    """The anchors that the headings of a page have on GitHub and GitLab."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def command_lines() -> list[Line]:
    """Every `secaudit COMMAND …` of the pages and of the comments in example files, continued lines joined."""
    found = [Line(name(path), text) for path in pages() for text in _of_page(path.read_text(encoding="utf-8"))]
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        for line in path.read_text(encoding="utf-8").splitlines():
            comment = line.partition("#")[2]
            told = [*_SENTENCE.findall(comment), *(code for code in _CODE.findall(comment) if _is_command(code))]
            found += [Line(name(path), part) for text in told for part in re.split(r"; .*?: (?=secaudit )", text)]
    return found


def _of_page(text: str) -> Iterator[str]:
    joined = text.replace("\\\n", " ")
    in_block = False
    prose: list[str] = []
    for line in joined.splitlines():
        if line.startswith(("```", "~~~")):
            in_block = not in_block
        elif (in_block or line.startswith("    ")) and (shown := _PROMPT.match(line)):
            yield shown[1]
        elif not in_block:
            prose.append(line)
    for code in _CODE.findall("\n".join(prose)):
        if _is_command(code):
            yield " ".join(code.split())


def _is_command(code: str) -> bool:
    return re.match(r"secaudit\s+[a-z]", code) is not None


def words(text: str) -> list[list[str]]:
    """The words of a command line behind `secaudit`, without comment, pipe and redirection.

    `a|b` in the place of a command stands for one command line each; `…` for anything, and is left out.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&;>")
    lexer.whitespace_split = True
    said = list(lexer)
    cut = next((place for place, word in enumerate(said) if word in {"&&", ";", ">", "|", "||"}), len(said))
    said = [word for word in said[1:cut] if word != "…"]
    depth = next((place for place, word in enumerate(said) if "|" in word and word.replace("|", "").isalpha()), None)
    if depth is None or depth > 1:
        return [said]
    return [[*said[:depth], choice, *said[depth + 1 :]] for choice in said[depth].split("|")]
