"""The filter language: what is understood, what is left out, and that it selects what it says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.outcome import Outcome
from secaudit.model.severity import Severity
from secaudit.tui.filter.completion import complete
from secaudit.tui.filter.language import (
    FLAGS,
    TEXT_FIELDS,
    Flag,
    Matches,
    Outcomes,
    Severities,
    Term,
    Within,
    Word,
    narrows,
    parse,
    show,
)

plain = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters='"'), min_size=1, max_size=12)
negated = st.booleans()
terms = st.one_of(
    st.builds(Word, plain, negated),
    st.builds(Flag, st.sampled_from(FLAGS), negated),
    st.builds(Severities, st.frozensets(st.sampled_from(Severity), min_size=1), negated),
    st.builds(Outcomes, st.frozensets(st.sampled_from(Outcome), min_size=1), negated),
    st.builds(Matches, st.sampled_from(TEXT_FIELDS), st.lists(plain, min_size=1, max_size=3).map(tuple), negated),
    st.builds(
        Within,
        st.sampled_from(["due", "age"]),
        st.sampled_from(["<", ">", "<=", ">="]),
        st.integers(0, 99_999).map(lambda minutes: timedelta(minutes=minutes)),
        negated,
    ),
)


@given(st.lists(terms, max_size=4))
def test_what_is_shown_is_read_back(chosen: list[Term]) -> None:
    read = parse(" ".join(show(term) for term in chosen))
    assert read.terms == tuple(chosen)
    assert not read.problems


@given(st.text(max_size=60))
def test_nothing_that_is_typed_is_an_error(text: str) -> None:
    for problem in parse(text).problems:
        assert 0 <= problem.start < problem.end <= len(text)
        assert problem.message


@given(st.lists(terms, max_size=3), terms)
def test_another_term_narrows_unless_it_widens(chosen: list[Term], other: Term) -> None:
    fixed = (Flag("fixed"), Flag("fixed", negated=True))
    if other not in fixed or any(term in fixed for term in chosen):
        assert narrows([*chosen, other], chosen)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("sev:high+", Severities(frozenset({Severity.HIGH, Severity.CRITICAL}))),
        ("sev:low,info", Severities(frozenset({Severity.LOW, Severity.INFO}))),
        ("-waived", Flag("waived", negated=True)),
        ("host:web*,db1", Matches("host", ("web*", "db1"))),
        ('customer:"Muster GmbH"', Matches("customer", ("Muster GmbH",))),
        ("due<2d", Within("due", "<", timedelta(days=2))),
        ("age>30d", Within("age", ">", timedelta(days=30))),
        ("due:12h", Within("due", "<=", timedelta(hours=12))),
        ("tcp/8080", Word("tcp/8080")),
        ('"sev:high"', Word("sev:high")),
        ("-", None),
        ("sev:", None),
        ("due<", None),
        ("due<2", None),
        ("host:", None),
    ],
)
def test_terms_and_half_typed_ones(text: str, term: Term | None) -> None:
    assert parse(text).terms == (() if term is None else (term,))
    assert not parse(text).problems


@pytest.mark.parametrize(
    ("text", "message"),
    [("famly:x", "family?"), ("sev:hihg", "high?"), ("due<soon", "due<2d"), ("host<3", "colon")],
)
def test_a_wrong_term_says_what_was_meant(text: str, message: str) -> None:
    (problem,) = parse(f"new {text}").problems
    assert message in problem.message
    assert (problem.start, problem.end) == (4, 4 + len(text))
    assert parse(f"new {text}").terms == (Flag("new"),)


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("fam", "family:"),
        ("new ove", "new overdue"),
        ("-wai", "-waived"),
        ("sev:cr", "sev:critical"),
        ("host:web1,d", "host:web1,db1"),
        ("customer:mus", 'customer:"muster gmbh"'),
        ('customer:"mus', 'customer:"muster gmbh'),
        ("zzz", None),
        ("host:", None),
        ("", None),
    ],
)
def test_completion(text: str, completed: str | None) -> None:
    assert complete(text, {"host": ["web1", "db1"], "customer": ["muster gmbh"]}) == completed
