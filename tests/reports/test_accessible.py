"""Every report before axe-core in a real browser: no violation, and nothing is asked for from outside."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from secaudit.reports.fleet import render as render_fleet
from secaudit.reports.monthly import render as render_month
from secaudit.reports.shelf import render as render_shelf
from secaudit.reports.technical import render

from secaudit.cli.translations import family_titles, phrasebook
from secaudit.model.fleet import FamilyStanding, FleetRecord
from tests.reports import fleet_sample, monthly_sample, sample
from tests.reports.test_browser import CHROMIUM, browse
from tests.reports.test_golden import german

pytestmark = pytest.mark.browser

PAGES: dict[str, Callable[[], bytes]] = {
    "technical": lambda: render(sample.report()),
    "technical-de": lambda: german(sample.report()),
    "monthly-de": lambda: render_month(replace(monthly_sample.record(), translations=phrasebook("de")), "de"),
    "monthly-en": lambda: render_month(monthly_sample.changed(), "en"),
    "fleet-de": lambda: render_fleet(every_family(), "de"),
    "fleet-en": lambda: render_fleet(fleet_sample.fleet(), "en"),
    "index-de": lambda: render_shelf(fleet_sample.shelf(), "de"),
    "index-en": lambda: render_shelf(fleet_sample.shelf(), "en"),
}


def every_family() -> FleetRecord:
    """All families that ship, by their German names, at customers with long names."""
    book = phrasebook("de")
    names = family_titles(book)
    fleet = fleet_sample.fleet()
    customers = tuple(
        replace(
            one,
            name=f"{one.name} Verwaltungsgesellschaft mbH",
            families=tuple(FamilyStanding(family, 3, 0, 12, 240) for family in names),
        )
        for one in fleet.customers
    )
    return replace(fleet, customers=customers, families=names, translations=book)


_RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const shown = document.createElement("pre");
  shown.id = "axe";
  shown.textContent = JSON.stringify({
    passes: found.passes.length,
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    width: innerWidth,
    beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    clipped: [...document.querySelectorAll(".fams")].map(one => one.parentElement)
      .filter(one => one.scrollWidth > one.clientWidth).map(one => one.scrollWidth),
  });
  top.document.body.append(shown);
});
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    return tmp_path


@pytest.mark.parametrize(("width", "dark"), [(390, False), (768, False), (1280, False), (1280, True), (1920, False)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(folder: Path, name: str, width: int, dark: bool) -> None:
    page = PAGES[name]().decode()
    # A copy: under its own policy the page runs no foreign script.
    page, removed = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert removed == 1
    axe = resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    copy = folder / "page.html"
    tested = page.replace("</body>", f"<script>{axe}</script><script>{_RUN}</script></body>")
    # In a frame, because Chromium's own window is never as narrow as a phone.
    frame = f'<iframe width="{width}" height="900" style="border:0" srcdoc="{html.escape(tested)}"></iframe>'
    copy.write_text(f"<!doctype html><body>{frame}</body>", encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    dom, _ = browse(copy, "--virtual-time-budget=20000", "--window-size=2000,1000", scheme, "--dump-dom")
    found = re.search(r'<pre id="axe">([^<]*)</pre></body>', dom)
    assert found, "axe did not finish"
    told = json.loads(html.unescape(found[1]))
    assert told["violations"] == []
    assert told["passes"] > 10
    assert (told["width"], told["dark"]) == (width, dark)
    assert told["beyond"] <= 0, "the page scrolls sideways"
    assert told["clipped"] == [], "a table is wider than its place"


@pytest.mark.parametrize("name", ["fleet-de", "index-de"])
def test_the_page_breaks_nothing_of_its_own_policy(folder: Path, name: str) -> None:
    copy = folder / "page.html"
    copy.write_bytes(PAGES[name]())
    _, console = browse(copy, "--dump-dom")
    assert console == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_for_from_outside(name: str) -> None:
    page = PAGES[name]().decode()
    assert "default-src 'none'; style-src 'sha256-" in html.unescape(page)
    assert re.findall(r"""(?:src|srcset|action|poster|data)\s*=\s*["'](?!#)""", page) == []
    assert re.findall(r"<(?:link|iframe|object|embed|base)\b|@import|url\((?!#)", page) == []
