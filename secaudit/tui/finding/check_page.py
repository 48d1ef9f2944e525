"""The page of a check, Markdown, as text in the colours of the dashboard."""

from __future__ import annotations

from io import StringIO
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.padding import Padding
from rich.text import Text
from rich.theme import Theme

from secaudit.model.safe_text import visible
from secaudit.tui.themes import Look


class _Code(CodeBlock):
    """Code in the colours of the dashboard, not in those of a highlighter that knows no theme."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Padding(Text(str(self.text).rstrip(), console.get_style("markdown.code_block")), (0, 0, 0, 4))


class _Heading(Heading):
    """A heading of any level at the left."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        self.text.justify = "left"
        yield self.text


class _Page(Markdown):
    """The Markdown that pages of checks are written in."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements, "fence": _Code, "code_block": _Code, "heading_open": _Heading,
    }  # fmt: skip


def drawn(page: str, look: Look, width: int) -> Text:
    """The page in lines of `width` cells; whoever wrote it, nothing in it is obeyed."""
    headings = {f"markdown.h{level}": look.strong for level in range(1, 8)}
    styles = {
        **headings,
        "markdown.code": look.accent,
        "markdown.code_block": look.accent,
        "markdown.link": look.accent,
        "markdown.link_url": look.accent,
        "markdown.table.header": look.strong,
        "markdown.table.border": look.dim,
        "markdown.item.bullet": look.accent,
        "markdown.item.number": look.accent,
        "markdown.block_quote": look.dim,
        "markdown.hr": look.dim,
    }
    console = Console(file=StringIO(), width=max(20, width), theme=Theme(styles), color_system="truecolor")
    text = Text()
    for line in console.render_lines(_Page(visible(page), hyperlinks=False), pad=False):
        for segment in line:
            text.append(segment.text, segment.style)
        text.append("\n")
    return text
