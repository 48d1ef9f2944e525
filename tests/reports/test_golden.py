"""The page of a small run, byte for byte. `SECAUDIT_REGENERATE=1 pytest tests/reports` writes it anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from secaudit.reports.technical import render, render_in
from secaudit.reports.technical_texts import TECHNICAL
from secaudit.reports.wording import Wording

from secaudit.api import Speech
from secaudit.cli.month_changes import phrases
from secaudit.cli.translations import phrasebook
from secaudit.model.run import RunReport
from tests.reports import sample
from tests.reports.parsed import Page

GOLDEN = Path(__file__).parent / "golden"


REPORTS = Path(__file__).parents[2] / "reports"


def german(report: RunReport) -> bytes:
    page: bytes = render_in(report, Speech("de", phrasebook("de"), phrases("de")))
    return page


@pytest.mark.parametrize(("name", "written"), [("small.html", render), ("small-de.html", german)])
def test_the_page_of_a_small_run_is_as_recorded(name: str, written: Callable[[RunReport], bytes]) -> None:
    page = re.sub(
        r"(<style>|<script>).*?(</style>|</script>)", r"\1…\2", written(sample.small()).decode(), flags=re.DOTALL
    )
    page = re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-…", page)
    golden = GOLDEN / name
    if os.environ.get("SECAUDIT_REGENERATE"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("report", [sample.report(), sample.spotless(), sample.empty()], ids=["full", "clean", "empty"])
def test_no_english_text_is_left_in_the_german_page(report: RunReport) -> None:
    """Words of the page are German; what nobody translated (checks of others, what programs print) is marked."""
    page = german(report).decode()
    assert Page(page.encode()).all("html")[0].attributes["lang"] == "de"
    page = re.sub(r"<(style|script|pre|title|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(r'<span lang="en">.*?</span>', "", page, flags=re.DOTALL)
    words = Wording("de")
    left = []
    for key, texts in TECHNICAL.items():
        for english in (texts,) if isinstance(texts, str) else texts:
            plain = re.split(r"\{\w+\}|`[^`]*`", english)
            same = {words.text(key, n, **dict.fromkeys(re.findall(r"\{(\w+)\}", english), "")) for n in (1, 2)}
            left += [part for part in plain if len(part.strip()) > 7 and f">{part}<" in page and part not in same]
    assert left == []


def test_both_languages_have_the_same_page_but_for_words() -> None:
    def bones(page: bytes) -> list[str]:
        return [element.tag for element in Page(page).all("section", "article", "table", "svg", "pre", "details", "a")]

    assert bones(german(sample.report())) == bones(render(sample.report()))


def test_a_language_that_nobody_speaks_is_refused() -> None:
    with pytest.raises(ValueError, match="no language 'fr'"):
        render_in(sample.report(), Speech("fr"))


def test_every_text_is_used_and_no_other_is_asked_for() -> None:
    sources = [*(REPORTS / "technical").glob("*.py"), *(REPORTS / "templates" / "technical").glob("*.html")]
    sources += [REPORTS / "excerpts.py", REPORTS / "wording.py"]
    code = "\n".join(path.read_text() for path in sources)
    asked = set(re.findall(r'\b(?:t|voice\.(?:text|spelt)|self\.text)\(\s*"([a-z_]+)"[,)]', code))
    assert {f"tech_{key}" for key in asked} <= set(TECHNICAL)
    made = set(re.findall(r'\bt\("([a-z_]+_)" ~|f"([a-z_]+_)\{', code))
    prefixes = tuple(f"tech_{one or other}" for one, other in made)
    words = {f"tech_{word.removeprefix('tech_')}" for word in re.findall(r"""["']([a-z_]+)["']""", code)}
    assert [key for key in TECHNICAL if key not in words and not key.startswith(prefixes)] == []


def test_english_is_written_without_babel() -> None:
    """A scan writes an English report: it does not pay for catalogues."""
    code = (
        "import sys; from tests.reports import sample; from secaudit.reports.technical import render; "
        "render(sample.small()); sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPORTS.parent, check=False).returncode == 0
