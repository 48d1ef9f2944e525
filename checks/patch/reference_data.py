"""Reference data of this family beside the advisories: dates and statements that people import."""

from __future__ import annotations

from pathlib import Path

from secaudit.api import reference

from .feeds.announced import AnnouncedSupport, SupportSource
from .languages import LanguageAdvisories, LanguageSource
from .statements import Statements, StatementSource


@reference(AnnouncedSupport, limit="dates_max_age")
def announced_support(directory: Path) -> SupportSource:
    """Imported support dates, which go before the table that ships with this family."""
    return SupportSource(directory)


@reference(Statements)
def statements(directory: Path) -> StatementSource:
    """What people state about flaws in packages (VEX)."""
    return StatementSource(directory)


@reference(LanguageAdvisories, limit="feed_max_age")
def language_advisories(directory: Path) -> LanguageSource:
    """The imported advisories about packages of Python and Node.js."""
    return LanguageSource(directory)
