"""What families call themselves, and what their checks say, in the language of a report."""

from __future__ import annotations

from collections.abc import Mapping

from secaudit.api.translation import catalogue, translated
from secaudit.cli.exits import CommandError
from secaudit.model.phrasebook import Phrasebook
from secaudit.plugins import discover


def phrasebook(language: str, *packages: str) -> Phrasebook:
    """What the engine and the checks of all families say, and these packages of ours, in a language.

    Raises CommandError when a catalogue cannot be read.
    """
    if language == "en":
        return Phrasebook()
    try:
        found: dict[str, str] = {}
        for package in ("secaudit.engine", *packages):
            found |= catalogue(package, package.rpartition(".")[2], language)
        for family in discover().families.values():
            found |= translated(family, language)
        return Phrasebook.of(found)
    except ValueError as error:
        raise CommandError(str(error)) from None


def family_titles(book: Phrasebook) -> Mapping[str, str]:
    """What each family is called, by its name; in English where its catalogue has no other word."""
    return {name: book.told(family.title) for name, family in discover().families.items()}
