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

LANGUAGES = ("de", "en")
"""English is what the texts are written in; the others have a catalogue each."""

DOMAIN = "reports"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of one of `LANGUAGES`; English has none, its texts stand for themselves."""
    if language == "en":
        return gettext.NullTranslations()
    source = resources.files(__package__).joinpath("locale", language, "LC_MESSAGES", f"{DOMAIN}.po")
    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
