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

from secaudit.cli.translations import phrasebook
from tests.reports import fleet_sample, monthly_sample, sample
from tests.reports.test_browser import CHROMIUM, browse
from tests.reports.test_golden import german

pytestmark = pytest.mark.browser

PAGES: dict[str, Callable[[], bytes]] = {
    "technical": lambda: render(sample.report()),
    "technical-de": lambda: german(sample.report()),
    "monthly-de": lambda: render_month(replace(monthly_sample.record(), translations=phrasebook("de")), "de"),
    "monthly-en": lambda: render_month(monthly_sample.changed(), "en"),
    "fleet-de": lambda: render_fleet(fleet_sample.fleet(), "de"),
    "fleet-en": lambda: render_fleet(fleet_sample.fleet(), "en"),
    "index-de": lambda: render_shelf(fleet_sample.shelf(), "de"),
    "index-en": lambda: render_shelf(fleet_sample.shelf(), "en"),
}

_RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const shown = document.createElement("pre");
  shown.id = "axe";
  shown.textContent = JSON.stringify({
    passes: found.passes.length,
    violations: found.violations.map(one => [one.id, one.nodes.map(node => node.html)]),
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    width: innerWidth,
    beyond: document.documentElement.scrollWidth - innerWidth,
  });
  top.document.body.append(shown);
});
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    return tmp_path


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, False), (1280, True)])
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
    dom, _ = browse(copy, "--virtual-time-budget=20000", "--window-size=1400,1000", scheme, "--dump-dom")
    found = re.search(r'<pre id="axe">([^<]*)</pre></body>', dom)
    assert found, "axe did not finish"
    told = json.loads(html.unescape(found[1]))
    assert told["violations"] == []
    assert told["passes"] > 10
    assert (told["width"], told["dark"]) == (width, dark)
    assert told["beyond"] <= 0, "the page scrolls sideways"


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
