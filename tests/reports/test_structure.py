"""What holds for every page: headings, tables, ids, charts, the policy, no request to anywhere."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections import Counter

import pytest
from secaudit.reports.technical import FORMAT, render

from secaudit.model.run import RunReport
from tests.reports import sample
from tests.reports.parsed import Page

RUNS = {"full": sample.report(), "small": sample.small(), "spotless": sample.spotless(), "empty": sample.empty()}


@pytest.fixture(params=RUNS, ids=str)
def run(request: pytest.FixtureRequest) -> RunReport:
    return RUNS[request.param]


@pytest.fixture
def page(run: RunReport) -> Page:
    return Page(render(run))


def test_the_format_is_registered_as_html() -> None:
    assert (FORMAT.name, FORMAT.filename) == ("html", "report.html")


def test_the_same_run_gives_the_same_bytes(run: RunReport) -> None:
    assert render(run) == render(run)


def test_headings_descend_without_gaps_below_one_h1(page: Page) -> None:
    levels = [int(one.tag[1]) for one in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(levels))


def test_landmarks_and_language_are_there(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("main", "footer", "nav")] == [1, 1, 1]
    assert page.marked("skip")[0].attributes["href"] == "#findings"


def test_sections_come_in_the_order_of_their_weight(page: Page) -> None:
    sections = [one.attributes["id"] for one in page.marked("sec")]
    assert sections == ["matrix", "families", "findings", "unproven", "waived", "passed", "not-applicable", "run"]


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(one.text.strip() for one in page.all("caption"))
    assert all("scope" in one.attributes for one in page.all("th"))


def test_ids_are_unique_and_every_inner_link_leads_somewhere(page: Page) -> None:
    ids = Counter(one.attributes["id"] for one in page.elements if "id" in one.attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    links = [one.attributes["href"] or "" for one in page.all("a")]
    assert [link for link in links if not link.startswith("#") or link[1:] not in ids] == []
    named = [one.attributes.get(name) or "" for one in page.elements for name in ("for", "aria-labelledby")]
    assert [name for names in named for name in names.split() if name not in ids] == []


def test_every_chart_is_told_in_words_and_every_other_drawing_is_hidden(page: Page) -> None:
    for drawing, following in itertools.pairwise(page.elements):
        if drawing.tag != "svg":
            continue
        if drawing.attributes.get("role") == "img":
            assert following.tag == "title"
            described = (drawing.attributes["aria-labelledby"] or "").split()
            assert [page.identified(name).tag for name in described] == ["title", "desc"]
            assert all(page.identified(name).text.strip() for name in described)
        else:
            assert drawing.attributes["aria-hidden"] == "true"


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page(page: Page) -> None:
    (policy,) = [one.attributes["content"] or "" for one in page.all("meta") if "http-equiv" in one.attributes]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in policy
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        hashes = [base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode() for one in page.all(tag)]
        assert directives[directive].split() == [f"'sha256-{digest}'" for digest in hashes]


def test_nothing_is_fetched_and_nothing_is_styled_or_scripted_in_place(page: Page) -> None:
    for one in page.elements:
        assert one.tag not in {
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "use",
            "image",
            "foreignobject",
        }
        assert not [name for name in one.attributes if name in {"style", "src", "srcset"} or name.startswith("on")]
    for sheet in page.all("style"):
        assert not re.search(r"@import|url\(", sheet.text)
    assert not re.search(r"fetch|XMLHttpRequest|import\(|https?:", page.all("script")[0].text)


@pytest.mark.parametrize("name", RUNS)
def test_every_number_of_the_summary_stands_on_the_page(name: str) -> None:
    run = RUNS[name]
    sums = [one.text for one in Page(render(run)).all("dd") if "by" not in (one.attributes.get("class") or "")][:4]
    summary = run.summary
    expected = [sum(summary.failed.values()), summary.unproven, summary.passed, summary.not_applicable]
    assert sums == [f"{count:,}" for count in expected]


def test_every_failed_and_unproven_result_is_named_with_its_fingerprint() -> None:
    run = sample.report()
    page = render(run).decode()
    missing = [
        one for one in run.results if one.outcome.value in {"failed", "unproven"} and one.fingerprint not in page
    ]
    assert missing == []


def test_tables_that_are_stacked_on_phones_keep_their_meaning(page: Page) -> None:
    # A table whose parts are displayed as blocks loses its roles in some browsers unless they are written down.
    roles = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
    stacked = False
    for one in page.all("table", "thead", "tbody", "tr", "td", "th"):
        if one.tag == "table":
            stacked = "stackrow" in (one.attributes["class"] or "")
        if stacked:
            heading = "columnheader" if one.attributes.get("scope") == "col" else "rowheader"
            assert one.attributes.get("role") == roles.get(one.tag, heading)
