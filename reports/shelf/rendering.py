"""From what lies in a customer's folder to its index page."""

from __future__ import annotations

from itertools import groupby

from secaudit.api import ShelfPage
from secaudit.model.shelf import Shelf

from ..language import LANGUAGES, Language
from ..page import SHELF, render_page


def render(shelf: Shelf, language: str) -> bytes:
    """Write the index as a self-contained HTML page in UTF-8, with relative links to the reports beside it.

    `language` is one of `LANGUAGES`. Raises ValueError for another one.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}")
    told = Language(language, shelf.timezone)
    title = f"{shelf.name or shelf.customer}: {told.text('shelf')}"
    return render_page(
        SHELF,
        title,
        title=title,
        language=language,
        page_word=told.text("page", page="{page}", pages="{pages}"),
        shelf=shelf,
        lang=told,
        t=told.text,
        months=[(month, list(found)) for month, found in groupby(shelf.reports, lambda one: one.month)],
    )


PAGE = ShelfPage("shelf", LANGUAGES, render)
