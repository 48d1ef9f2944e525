"""What checks say in other languages: the gettext catalogue that a family may ship beside its code."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from babel.messages.pofile import PoFileError, read_po

from secaudit.api.family import Family


def translated(family: Family, language: str) -> Mapping[str, str]:
    """English sentences of a family's checks (such as their titles) with what they are in `language` (`de`).

    It is read from `locale/LANGUAGE/LC_MESSAGES/FAMILY.po` in the family's package, and empty when there is none.
    Raises ValueError when that file is no gettext catalogue in UTF-8.
    """
    path = resources.files(family.package).joinpath("locale", language, "LC_MESSAGES", f"{family.name}.po")
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language, charset="utf-8", abort_invalid=True)
    except (PoFileError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no gettext catalogue: {error}") from None
    return {
        message.id: message.string
        for message in catalogue
        if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string
    }
