"""Translating what checks say: fixed sentences, patterns, lists of them, and never half of a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.phrasebook import MOST_TEXT, Pattern, Phrasebook, is_pattern

BOOK = Phrasebook.of(
    {
        "The array {name} is not whole: {troubles}.": "Der Verbund {name} ist nicht vollständig: {troubles}.",
        "{present} of {wanted} members present": "{present} von {wanted} Mitgliedern vorhanden",
        "faulty: {members}": "defekt: {members}",
        "degraded": "eingeschränkt",
        "It is late.": "Es ist spät.",
        "It is old.": "Es ist alt.",
        "`{command}` was denied": "`{command}` wurde verweigert",
        "`{command}` was denied: {detail}": "`{command}` wurde verweigert: {detail}",
        "The age is not known: {reason}": "Das Alter ist nicht bekannt: {reason}",
        "{what}, {age} old": "{what}, {age} alt",
        "set '{ policy drop; }' in the chain": "in der Kette '{ policy drop; }' setzen",
        "{count} rules of {table} are not used": "Tabelle {table}: ungenutzte Regeln {count}",
    }
)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("degraded", "eingeschränkt"),
        ("The array md0 is not whole: degraded.", "Der Verbund md0 ist nicht vollständig: eingeschränkt."),
        (
            "The array md0 is not whole: 1 of 2 members present; faulty: sdb1, sdc1.",
            "Der Verbund md0 ist nicht vollständig: 1 von 2 Mitgliedern vorhanden; defekt: sdb1, sdc1.",
        ),
        ("The array md0 is not whole: smoking.", "Der Verbund md0 ist nicht vollständig: smoking."),
        ("It is late. It is old.", "Es ist spät. Es ist alt."),
        ("It is late", None),
        ("It is late. Nobody knows why.", None),
        ("degraded, faulty: sda", "eingeschränkt, defekt: sda"),
        ("degraded.", "eingeschränkt."),
        (
            "The age is not known: `stat /x` was denied: no such user: audit",
            "Das Alter ist nicht bekannt: `stat /x` wurde verweigert: no such user: audit",
        ),
        ("set '{ policy drop; }' in the chain", "in der Kette '{ policy drop; }' setzen"),
        ("3 rules of inet filter are not used", "Tabelle inet filter: ungenutzte Regeln 3"),
        ("db.dump, 3d old", "db.dump, 3d alt"),
        (
            "`cat /x` was denied: no route to host, faulty: cable",
            "`cat /x` wurde verweigert: no route to host, faulty: cable",
        ),
        (
            "`cat /x` was denied: no such user; `ls -l /y` was denied",
            "`cat /x` wurde verweigert: no such user; `ls -l /y` wurde verweigert",
        ),
        ("faulty: sda, sdb, degraded", "defekt: sda, sdb, degraded"),
        ("the disk is full, very old", None),
        ("3 rules of what is not known are not used", None),
        ("3 rules of the ip filter are not used", None),
        ("it is full, not degraded", None),
        ("`x` was denied: this is not what you were told", "`x` wurde verweigert: this is not what you were told"),
        ("", None),
        (" degraded", None),
        ("The array  is not whole: .", None),
    ],
)
def test_a_text_is_translated_wholly_or_not_at_all(english: str, german: str | None) -> None:
    assert BOOK.find(english) == german
    assert BOOK.told(english) == (german or english)


def test_an_empty_book_knows_nothing() -> None:
    assert Phrasebook().find("degraded") is None
    assert Phrasebook().told("degraded") == "degraded"


def test_the_pattern_with_the_most_words_counts() -> None:
    book = Phrasebook.of({"the {a} of all": "A {a}", "the {b} of all of all": "B {b}", "the very end of {c}": "C {c}"})
    assert book.find("the very end of all") == "C all"
    assert book.find("the rest of all of all") == "B rest"


def test_where_the_best_pattern_leaves_prose_the_next_one_counts() -> None:
    book = Phrasebook.of(
        {
            "{what} is not modelled: {text}": "{what} wird nicht unterstützt: {text}",
            "line {n} of `{file}` {why}: {text}": "Zeile {n} von `{file}` – {why}: {text}",
            "object is not modelled": "Objekt nicht unterstützt",
        }
    )
    assert book.find("line 1 of `nft list` object is not modelled: x") == (
        "Zeile 1 von `nft list` – Objekt nicht unterstützt: x"
    )
    assert book.find("protocol is not modelled: x") == "protocol wird nicht unterstützt: x"


def test_values_are_as_short_as_can_be() -> None:
    pattern = Pattern.of("from {a} and {b} and {c}", "{c} {b} {a}")
    assert pattern.values("from x and y and z and z") == ("x", "y", "z and z")
    assert pattern.values("from  and y and z") is None
    assert pattern.filled(("x", "y", "z")) == "z y x"


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("the {a} and the {a}", "{a}"),
        ("the {a}{b}", "{a} {b}"),
        ("{a}: {b}", "{a}: {b}"),
        ("the name {a}", "der Name"),
        ("the name {a}", "der Name {b}"),
        ("the name {a}", "der Name {a} {b}"),
    ],
)
def test_a_pattern_that_loses_values_is_refused(said: str, becomes: str) -> None:
    with pytest.raises(ValueError, match=r"does not tell its values apart|has not the values"):
        Pattern.of(said, becomes)


def test_braces_of_commands_are_no_values() -> None:
    assert is_pattern("The array {name} is gone")
    for text in (
        "docker ps --format '{{json .}}'",
        "nft chain '{ policy drop; }'",
        "awk '{print $1}'",
        "{",
        "no values",
    ):
        assert not is_pattern(text)


TEXTS = st.text(st.sampled_from("ab .,;:of `The array is not whole members present faulty old"), max_size=200)


@given(TEXTS)
def test_no_text_makes_it_fail(text: str) -> None:
    assert BOOK.told(text) or text == ""


def test_long_and_hostile_texts_cost_little() -> None:
    patterns = {f"x{n} {{a}} of {{b}} of {{c}} is not {{d}}": "{a} {b} {c} {d}" for n in range(50)}
    patterns |= {f"{{a}} of {{b}} of {{c}} of {{d}} in {n} words": "{a} {b} {c} {d}" for n in range(300)}
    book = Phrasebook.of(patterns)
    began = time.process_time()
    for number in range(200):
        hostile = f"{number} of " + "of of, of; of. " * 240
        assert len(hostile) < MOST_TEXT
        assert book.find(hostile) is None
    assert time.process_time() - began < 4.0
    assert book.find("x" * (MOST_TEXT + 1)) is None


def test_what_was_looked_up_is_remembered() -> None:
    assert BOOK.find("The array md7 is not whole: degraded.") is BOOK.find("The array md7 is not whole: degraded.")
