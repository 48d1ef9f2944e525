"""Text from hosts and files stays text, whichever field it comes in."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from enum import Enum
from typing import Any

import pytest
from secaudit.reports.page import MOST_TEXT
from secaudit.reports.technical import render, render_in

from secaudit.api import Speech
from secaudit.cli.translations import phrasebook
from secaudit.model.run import RunReport
from secaudit.model.severity import Severity
from tests.reports import sample
from tests.reports.parsed import Page

MARKUP = (
    '</style></script></title><script>alert(1)</script><img src=x onerror=alert(2)>"\' onmouseover=alert(3) x="<!--'
)
TEMPLATE = "{{ 7 * 7 }}{% include 'x' %}{# #}${7*7}"
INVISIBLE = "\x00\x07\x1b[31m\x7f\x85\x9b\u200b\u200e\u2028\u202e\u2066\ufeff\U000e0041\ud800"
CSS = "\\};@import 'http://evil.example';}"
EVIL = MARKUP + TEMPLATE + INVISIBLE + CSS


def poisoned(value: Any, evil: str) -> Any:
    """A copy of a record in which every text, whatever field it stands in, ends with `evil`."""
    if isinstance(value, Enum | datetime):
        return value
    if isinstance(value, str):
        return value + evil
    if isinstance(value, tuple):
        return tuple(poisoned(one, evil) for one in value)
    if isinstance(value, dict):
        return {poisoned(key, evil): poisoned(one, evil) for key, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: poisoned(getattr(value, one.name), evil) for one in dataclasses.fields(value) if one.init}
        return dataclasses.replace(value, **fields)
    return value


@pytest.mark.parametrize(
    "evil", [MARKUP, TEMPLATE, INVISIBLE, CSS, EVIL], ids=["markup", "template", "invisible", "css", "all"]
)
def test_no_text_can_add_an_element_or_an_attribute(evil: str) -> None:
    hostile = poisoned(sample.report(), evil)
    assert Page(render(hostile)).skeleton == Page(render(poisoned(sample.report(), " harmless"))).skeleton


def test_templates_in_text_are_not_run() -> None:
    page = Page(render(poisoned(sample.report(), TEMPLATE)))
    assert page.all("h1")[0].text.endswith(TEMPLATE)


def test_controls_and_invisible_characters_are_shown_as_escapes() -> None:
    page = render(poisoned(sample.report(), INVISIBLE)).decode("utf-8")
    left = re.findall(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]",
        page,
    )
    assert left == []
    assert r"\x1b[31m" in page
    assert r"\u202e" in page


def test_the_running_head_cannot_leave_its_string() -> None:
    sheets = Page(render(poisoned(sample.report(), CSS))).all("style")
    assert re.fullmatch(
        r'@page\{@top-left\{content:"(?:[A-Za-z0-9 ]|\\[0-9a-f]+ )*"\}'
        r'@bottom-right\{content:"Page " counter\(page\) " of " counter\(pages\)\}'
        r'@bottom-left\{content:"Unproven is not passed"\}\}'
        r"@page:first\{@top-left\{content:none\}\}",
        sheets[1].text,
    )


def test_long_texts_are_cut_and_say_so() -> None:
    run = sample.small()
    long = dataclasses.replace(run.results[0], reason="x" * 1_000_000, observed="y" * 1_000_000)
    page = render(RunReport(run.run, run.hosts, (long,))).decode()
    assert len(page) < 100_000 + 10 * MOST_TEXT
    assert "996,000 more characters" in page


def test_backticks_without_end_make_no_elements_without_end() -> None:
    run = sample.small()
    bomb = dataclasses.replace(run.results[0], reason="`a" * 100_000)
    assert len(Page(render(RunReport(run.run, run.hosts, (bomb,)))).all("code")) < 100


def test_a_fingerprint_that_is_none_gives_a_harmless_unique_id() -> None:
    run = sample.small()
    twins = [dataclasses.replace(run.results[0], fingerprint=" evil id", control=f"c{number}") for number in range(3)]
    page = Page(render(RunReport(run.run, run.hosts, tuple(twins))))
    assert sorted(one.attributes["id"] or "" for one in page.marked("fi")) == ["f-1", "f-2", "f-3"]


def test_every_severity_has_its_block() -> None:
    run = sample.small()
    every = [
        dataclasses.replace(run.results[0], severity=severity, control=severity.value, fingerprint=severity.value)
        for severity in Severity
    ]
    page = Page(render(RunReport(run.run, run.hosts, tuple(every))))
    assert [one.attributes["data-s"] for one in page.marked("grp")][:5] == ["critical", "high", "medium", "low", "info"]


@pytest.mark.parametrize("evil", [MARKUP, TEMPLATE, INVISIBLE, CSS], ids=["markup", "template", "invisible", "css"])
def test_the_german_page_is_as_inert(evil: str) -> None:
    """Values that are found in a sentence and put into its German are text like all others."""
    run = sample.report()

    def page(value: str) -> Page:
        told = tuple(
            dataclasses.replace(one, reason=f"The service {value} has failed.", observed=f"failed ({value})")
            for one in run.results
        )
        return Page(render_in(RunReport(run.run, run.hosts, told), Speech("de", phrasebook("de"))))

    hostile, harmless = page(evil), page("harmless")
    assert hostile.skeleton == harmless.skeleton
    assert "Der Dienst harmless ist ausgefallen" in harmless.marked("fi")[0].text
    assert "Der Dienst" in hostile.marked("fi")[0].text
