"""What checks say in other languages: the gettext catalogue that a package may ship beside its code."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from babel.messages.pofile import PoFileError, read_po

from secaudit.api.family import Family


def translated(family: Family, language: str) -> Mapping[str, str]:
    """English sentences of a family's checks, and patterns of them, with what they are in `language` (`de`).

    Raises ValueError as `catalogue` does.
    """
    return catalogue(family.package, family.name, language)


def catalogue(package: str, name: str, language: str) -> Mapping[str, str]:
    """The messages of a package's catalogue; empty when it has none in that language.

    It is read from `locale/LANGUAGE/LC_MESSAGES/NAME.po` in the package. Raises ValueError when that file is no gettext
    catalogue in UTF-8.
    """
    path = resources.files(package).joinpath("locale", language, "LC_MESSAGES", f"{name}.po")
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            read = read_po(file, locale=language, charset="utf-8", abort_invalid=True)
    except (PoFileError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no gettext catalogue: {error}") from None
    return {
        message.id: message.string
        for message in read
        if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string
    }
