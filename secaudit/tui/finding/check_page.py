"""The page of a check, Markdown, as text in the colours of the dashboard."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text
from rich.theme import Theme

from secaudit.model.safe_text import visible
from secaudit.tui.themes import Look


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
    page_lines = console.render_lines(Markdown(visible(page), hyperlinks=False, code_theme="bw"), pad=False)
    for line in page_lines:
        for segment in line:
            text.append(segment.text, segment.style)
        text.append("\n")
    return text
