"""Text from hosts is visible and inert, and ordinary text stays as it is."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.safe_text import visible, visible_line


def test_controls_and_bidi_are_shown() -> None:
    assert visible("a\x1b[31mb\u202ec\x9bd\ufeff\r") == "a\\x1b[31mb\\u202ec\\x9bd\\ufeff\\x0d"


def test_ordinary_text_stays() -> None:
    text = "Grüße, Ωmega, 日本語, emoji 🙂, tab\tand\nnewline"
    assert visible(text) == text
    assert visible_line("a\tb\nc") == "a\\tb\\nc"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = visible_line(text)
    assert all(unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert not any(
        unicodedata.bidirectional(character) in {"RLE", "LRE", "RLO", "LRO", "PDF", "LRI", "RLI", "FSI", "PDI"}
        for character in shown
    )
