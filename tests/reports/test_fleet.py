"""The pages about all customers and about a customer's reports: as recorded, inert, and saying what the record says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from secaudit.reports.fleet import render as render_fleet
from secaudit.reports.fleet.rendering import worst
from secaudit.reports.shelf import render as render_shelf
from secaudit.reports.states import State

from secaudit.cli.translations import phrasebook
from secaudit.model.fleet import FamilyStanding, FleetRecord
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.shelf import Shelf
from tests.reports import fleet_sample
from tests.reports.parsed import Page
from tests.reports.test_hostile import CSS, EVIL, INVISIBLE, MARKUP, TEMPLATE, poisoned

GOLDEN = Path(__file__).parent / "golden"


def fleet(language: str, evil: str = "") -> bytes:
    record: FleetRecord = poisoned(fleet_sample.fleet(), evil)
    book = phrasebook(language) if not evil else Phrasebook()
    titles = {name: book.told(title) for name, title in record.families.items()}
    page: bytes = render_fleet(replace(record, timezone="Europe/Vienna", translations=book, families=titles), language)
    return page


def index(language: str, evil: str = "") -> bytes:
    record: Shelf = poisoned(fleet_sample.shelf(), evil)
    page: bytes = render_shelf(replace(record, timezone="Europe/Vienna"), language)
    return page


PAGES = {"fleet": fleet, "index": index}


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_recorded(name: str, language: str) -> None:
    page = PAGES[name](language).decode()
    page = re.sub(r"(<style>).*?(</style>)", r"\1…\2", page, flags=re.DOTALL)
    page = re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-…", page)
    golden = GOLDEN / f"{name}-{language}.html"
    if os.environ.get("SECAUDIT_REGENERATE"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


def test_the_sentence_on_top_says_what_the_tables_say() -> None:
    record = fleet_sample.fleet()
    say = Page(fleet("en")).marked("say")[0].text
    assert say.startswith(f"{sum(one.overdue for one in record.customers)} deadlines are over, ")
    assert f"{record.stale_total} backups are not proven fresh" in say
    assert f"{sum(one.unproven for one in record.customers)} checks gave no answer" in say
    assert say.endswith(f"{len(record.lagging)} hosts are not read to the end or not lately.")
    one = record.customers[1]
    calm = replace(record, customers=(one,), due=(), lagging=(), stale=(), due_total=0, stale_total=0)
    assert "No deadline is over" in Page(render_fleet(calm, "en")).marked("say")[0].text
    nobody = replace(calm, customers=())
    assert "No deadline is over" not in Page(render_fleet(nobody, "en")).marked("say")[0].text


@pytest.mark.parametrize("evil", [MARKUP, TEMPLATE, INVISIBLE, CSS, EVIL])
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_text_can_add_an_element_or_an_attribute(page: Callable[..., bytes], evil: str) -> None:
    assert Page(page("de", evil)).skeleton == Page(page("de", " harmless")).skeleton


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_controls_and_invisible_characters_are_shown_as_escapes(page: Callable[..., bytes]) -> None:
    text = page("en", INVISIBLE).decode()
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text) == []
    assert r"\u202e" in text


def test_a_waived_failure_is_never_shown_as_passed() -> None:
    assert worst(FamilyStanding("patch", 0, 2, 0, 40)) == (State.WAIVED, 2)
    assert worst(FamilyStanding("patch", 0, 2, 1, 40)) == (State.UNPROVEN, 1)
    assert worst(FamilyStanding("patch", 0, 0, 0, 0)) == worst(None) == (State.NOT_APPLICABLE, 0)


def test_what_is_not_listed_is_counted() -> None:
    assert "and 2 more" in Page(fleet("en")).identified("due").text


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_another_language_is_refused(page: Callable[..., bytes]) -> None:
    with pytest.raises(ValueError, match="no language 'fr'"):
        page("fr")
