"""Probe data: what is read, and that nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secaudit.config.contract_probes import read_probes
from secaudit.model.availability import Probe
from tests.config.conftest import Write, messages

FOUR = datetime(2026, 10, 31, 4, tzinfo=UTC)


def test_csv_and_json(write: Write) -> None:
    path = write(
        "shop.csv",
        "service,time,up,ms\nshop,2026-10-31T04:00:00Z,1,12\n\nshop,2026-10-31T05:05+01:00,DOWN,\n1,1793419800,ok,\n",
    )
    expected = (Probe(FOUR, True), Probe(FOUR.replace(minute=5), False), Probe(FOUR.replace(minute=10), True))
    assert read_probes(path) == expected
    entries = [
        {"time": "2026-10-31T04:00:00Z", "up": True},
        {"time": "2026-10-31T05:05:00+01:00", "up": 0},
        {"time": 1793419800, "up": "yes"},
    ]
    assert read_probes(write("shop.json", json.dumps(entries))) == expected
    assert read_probes(write("none.json", "[]")) == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv:1:1: the first line must name the columns time, up, each once"),
        ("a.csv", "when,up\n", "a.csv:1:1: the first line must name the columns time, up, each once"),
        ("a.csv", "time,up\n2026-10-31T04:00:00Z\n", "a.csv:2:1: expected 2 columns, found 1"),
        ("a.csv", "time,up\n2026-10-31T04:00:00Z,maybe\n", "a.csv:2:1: up is 'maybe'; write 1 or 0"),
        (
            "a.csv",
            "time,up\n2026-10-31T04:00:00,1\n",
            "a.csv:2:1: '2026-10-31T04:00:00' is not a time with its zone; write for example 2026-10-31T04:00:00Z",
        ),
        ("a.csv", 'time,up\n"2026', "a.csv:2:1: not CSV: unexpected end of data"),
        ("a.json", "{}", "a.json: expected a list of objects with time and up"),
        (
            "a.json",
            '[{"time": NaN, "up": 1}]',
            "a.json:1:1: nan is not a time with its zone; write for example 2026-10-31T04:00:00Z",
        ),
        ("a.json", '[{"time": 1793419200, "up": null}]', "a.json:1:1: up is None; write 1 or 0"),
    ],
)
def test_bad_data(write: Write, name: str, text: str, message: str) -> None:
    assert messages(lambda: read_probes(write(name, text))) == [message]


def test_what_is_not_there_and_what_never_ends(write: Write) -> None:
    assert messages(lambda: read_probes(Path("none.csv"))) == ["none.csv: cannot be read: No such file or directory"]
    path = write("a.csv", "time,up\n" + "x,1\n" * 1000)
    assert len(messages(lambda: read_probes(path))) == 20
    assert messages(lambda: read_probes(write("a.json", "[" * 100_000)))[0].startswith("a.json: not JSON: ")
