"""The catalogues: whole, current, and with the values of the English text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from secaudit.reports.catalogue import DOMAINS, LANGUAGES, translations
from secaudit.reports.language import Language
from secaudit.reports.technical_texts import TECHNICAL
from secaudit.reports.texts import TEXTS

from secaudit.api.translation import translated
from secaudit.plugins import discover

LOCALE = Path(__file__).parents[2] / "reports" / "locale"
TRANSLATED = [language for language in LANGUAGES if language != "en"]
SOURCES = {"reports": TEXTS, "technical": TECHNICAL}
_VALUE = re.compile(r"\{(\w+)\}")


def catalogue(language: str, domain: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def named(text: str | tuple[str, ...] | list[str] | None) -> list[set[str]]:
    return [set(_VALUE.findall(form)) for form in forms(text)]


def messages(language: str, domain: str) -> list[Message]:
    return [message for message in catalogue(language, domain) if message.id]


def test_every_catalogue_is_known() -> None:
    assert sorted(path.name for path in LOCALE.iterdir()) == TRANSLATED
    assert set(DOMAINS) == set(SOURCES)
    assert not set(TEXTS) & set(TECHNICAL)


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_text_lacks_its_translation_and_none_is_stale(language: str, domain: str) -> None:
    texts = {(key, forms(text)) for key, text in SOURCES[domain].items()}
    assert {(message.context, forms(message.id)) for message in messages(language, domain)} == texts
    assert [
        message.context for message in messages(language, domain) if message.fuzzy or not all(forms(message.string))
    ] == []


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_hold_the_values_of_the_text(language: str, domain: str) -> None:
    wrong = [
        message.context
        for message in messages(language, domain)
        if any(names != named(message.id)[-1] for names in named(message.string))
    ]
    assert wrong == []


def test_a_number_chooses_the_form() -> None:
    german, english = Language("de", "UTC"), Language("en", "UTC")
    assert [german.text("hosts", n) for n in (0, 1, 2)] == ["0 Hosts", "1 Host", "2 Hosts"]
    assert [english.text("hosts", n) for n in (0, 1, 1204)] == ["0 hosts", "1 host", "1,204 hosts"]


def test_a_context_keeps_equal_english_apart() -> None:
    german = translations("de")
    assert german.pgettext("waived", "waived") == "Ausnahme"
    assert german.pgettext("passed", "passed") == "bestanden"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_family_and_check_has_its_title_in_every_language(language: str) -> None:
    for family in discover().families.values():
        titles = {family.title, *(check.title for check in family.checks)}
        assert titles <= set(translated(family, language)), family.name


def test_a_family_need_not_speak_every_language() -> None:
    assert translated(discover().families["host"], "fr") == {}
