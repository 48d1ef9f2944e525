"""What families call themselves and their checks in the language of a report."""

from __future__ import annotations

from collections.abc import Mapping

from secaudit.api.translation import translated
from secaudit.cli.exits import CommandError
from secaudit.plugins import discover


def translations(language: str) -> Mapping[str, str]:
    """What the checks of all families say, in a language. Raises CommandError when a catalogue cannot be read."""
    if language == "en":
        return {}
    found: dict[str, str] = {}
    for family in discover().families.values():
        try:
            found |= translated(family, language)
        except ValueError as error:
            raise CommandError(str(error)) from None
    return found


def family_titles(language: str) -> Mapping[str, str]:
    """What each family is called, by its name; in English where its catalogue has no other word."""
    words = translations(language)
    return {name: words.get(family.title, family.title) for name, family in discover().families.items()}
