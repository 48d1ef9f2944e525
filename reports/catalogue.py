"""Translations: the gettext catalogues of this package, read from their sources.

A `.po` file is read when its language is first asked for, so there is no compiled file that could be out of date.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from importlib import resources

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from .wording import LANGUAGES

__all__ = ["DOMAINS", "LANGUAGES", "translations"]

DOMAINS = ("reports", "technical")
"""The reports to customers and to the provider; the technical report."""


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogues of one of `LANGUAGES`; English has none, its texts stand for themselves."""
    found = gettext.NullTranslations()
    for domain in DOMAINS if language != "en" else ():
        read = _read(language, domain)
        read.add_fallback(found)
        found = read
    return found


def _read(language: str, domain: str) -> gettext.GNUTranslations:
    source = resources.files(__package__).joinpath("locale", language, "LC_MESSAGES", f"{domain}.po")
    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
