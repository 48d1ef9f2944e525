"""The page in a real browser: nothing is blocked by its own policy, the script runs, paper comes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from secaudit.reports.monthly import render as render_month
from secaudit.reports.technical import render

from tests.reports import monthly_sample, sample

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--v=0",
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    if not CHROMIUM:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    path = tmp_path / "report.html"
    path.write_bytes(render(sample.report()))
    return path


def browse(page: Path, *arguments: str) -> tuple[str, list[str]]:
    """What Chromium prints for the page, and what the page's console said."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, *arguments, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, re.findall(r":CONSOLE.*", done.stderr)


def test_the_page_runs_under_its_own_policy(page: Path) -> None:
    dom, console = browse(page, "--dump-dom")
    assert console == []
    assert '<p class="search" id="search">' in dom, "the script did not show the search"


def test_a_script_that_is_not_the_pages_own_is_blocked(page: Path) -> None:
    page.write_bytes(page.read_bytes().replace(b"</main>", b"<script>document.title = 'owned'</script></main>"))
    dom, console = browse(page, "--dump-dom")
    assert "<title>owned" not in dom
    assert any("Content Security Policy" in line for line in console)


def test_it_prints_to_pdf(page: Path) -> None:
    paper = page.with_suffix(".pdf")
    browse(page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    printed = paper.read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 5


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_monthly_page_breaks_nothing_of_its_own_policy(page: Path, language: str) -> None:
    page.write_bytes(render_month(monthly_sample.record(), language))
    _, console = browse(page, "--dump-dom")
    assert console == []
