"""The page of a small run, byte for byte. `SECAUDIT_REGENERATE=1 pytest tests/reports` writes it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

from secaudit.reports.technical import render

from tests.reports import sample

GOLDEN = Path(__file__).parent / "golden" / "small.html"


def test_the_page_of_a_small_run_is_as_recorded() -> None:
    page = re.sub(
        r"(<style>|<script>).*?(</style>|</script>)", r"\1…\2", render(sample.small()).decode(), flags=re.DOTALL
    )
    page = re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-…", page)
    if os.environ.get("SECAUDIT_REGENERATE"):
        GOLDEN.write_text(page, encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8")
