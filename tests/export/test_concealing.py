"""Secrets in what servers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.export.concealing import LONG, conceal


@pytest.mark.parametrize(
    ("text", "secrets", "said"),
    [
        ("status 401: token s3cret-and-long is bad", ["s3cret-and-long"], "status 401: token *** is bad"),
        ("Bearers3cret-and-longX", ["s3cret-and-long"], "Bearer***X"),
        ("disabled: label=ab; about 'ab', cab", ["ab"], "disabled: label=***; about '***', cab"),
        ("unavailable", ["a"], "unavailable"),
        ("the key is a", ["a"], "the key is ***"),
        ("a.b or aXb", ["a.b"], "*** or aXb"),
        ("s3cret-and-longer, s3cret-and-long", ["s3cret-and-long", "s3cret-and-longer"], "***, ***"),
        ("nothing", ["", "x"], "nothing"),
    ],
)
def test_what_is_replaced(text: str, secrets: list[str], said: str) -> None:
    assert conceal(text, secrets) == said


@given(st.text(min_size=LONG), st.text(), st.text())
def test_a_long_secret_never_stays(secret: str, before: str, after: str) -> None:
    assert secret not in conceal(before + secret + after, [secret]) or secret in before + "***" + after
