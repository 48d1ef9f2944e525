"""The published schema of contracts and waivers and their readers: documents that are changed at random."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from secaudit.config.contract import load_contracts
from secaudit.config.errors import ConfigError
from secaudit.config.schemas import schema
from secaudit.config.waivers import load_waivers

CONTRACT: Any = {
    "schema": "secaudit.contract/1",
    "customer": {"id": "muster", "name": "Muster GmbH", "number": "V-1"},
    "valid": {"from": "2026-01-01", "until": "2026-12-31", "notice_days": 90},
    "calendar": {
        "timezone": "Europe/Berlin",
        "hours": {"mon-thu": ["08:00-12:00", "13:00-17:00"], "sat": ["00:00-24:00"]},
        "holidays": {
            "country": "DE",
            "subdivision": "BY",
            "extra": ["2026-12-24", {"date": "2026-12-31", "hours": ["08:00-12:00"]}],
        },
        "maintenance_windows": [
            {"rrule": "FREQ=MONTHLY;BYDAY=1SU", "start": "02:00", "minutes": 240, "announce_days": 5}
        ],
    },
    "priorities": {
        "P1": {"from": ["critical"], "response": {"time": "30m", "clock": "business"}, "remediation": {"time": "24h"}},
        "P2": {
            "from": ["high", "low"],
            "response": {"time": "1bd"},
            "remediation": {"time": "30d", "clock": "calendar"},
        },
    },
    "sla": {
        "warn_at": 0.75,
        "grace": "30m",
        "enforce_from": "2026-02-01",
        "reopen": "continue",
        "pause_reasons": ["waiting_customer"],
        "max_pause": "2w",
    },
    "waivers": {"max_days": 180, "require": ["owner", "approver"]},
    "availability": [
        {"service": "shop", "target": 99.9, "source": "shop.csv", "every": "1m", "exclude": ["maintenance_windows"]},
        {
            "service": "web",
            "target": 99,
            "probe": {"http": "https://shop.example/health", "status": [200], "body": "ok"},
        },
        {"service": "mail", "target": 99.5, "min_coverage": 98, "down_after": 2, "probe": {"tls": "mail.example:993"}},
        {"service": "db", "target": 0, "probe": {"tcp": "10.0.0.1:5432", "timeout": 5}},
    ],
    "backup": {
        "rule": {"copies": 3, "media": 2},
        "datasets": [
            {
                "name": "shop-db",
                "host": "db01",
                "match": {"pg": "shop"},
                "rpo": "4h",
                "rto": "8h",
                "retention": {"daily": 14},
                "copies": [{"tool": "restic", "place": "cloud", "immutable": True, "repo_ref": "r"}],
                "restore_test": {"every": "90d", "evidence": "e/*.yaml"},
            }
        ],
    },
    "resources": {
        "included": 7.5,
        "carry": {"cap": 20, "expires_months": 3},
        "convert": {"to": "development", "factor": 1.2, "after_months": 1, "round": 0.25, "expires_months": 6},
        "ledger": "l.csv",
    },
    "costs": [{"service": "monitoring", "per": "month", "amount": "120.00", "currency": "EUR"}],
    "report": {"language": "de", "formats": ["html"], "recipients": ["a@b.example"], "day": 3, "colour": "#1d4ed8"},
}

WAIVERS: Any = [
    {
        "control": "open-ports",
        "host": "web1",
        "tag": "web",
        "subject": "tcp/8080",
        "owner": "anna",
        "approver": "bert",
        "reason": "migration",
        "compensation": "waf",
        "start": "2026-11-01T08:00+01:00",
        "expires": "2027-01-31",
        "while_passed": ["waf"],
        "customer": "muster",
    },
    {"control": "a", "owner": "b", "reason": "c", "expires": "2027-01-31T10:00:00Z"},
]

WORDS = st.sampled_from(
    [
        *("", " ", "a", "A", "a b", "-a", "\0", "é", "n/a", "*"),
        *("4h", "0h", "5bd", "30d", "2w", "30m", "00000m", "1m ", "４h", "99999w", "100000m", "1.5h", "-1d"),
        *("08:00-17:00", "08:00 - 17:00", " 08:00-17:00", "8:00-17:00", "08:00-24:00", "24:00-24:00", "08:60-09:00"),
        *("17:00-08:00", "02:00", "24:00", "24:01", "2:00", "29:00"),
        *("mon", "mon-fri", "fri-mon", "Mon", "sun-sun", "xyz", "mon-", "tue"),
        *("2026-02-28", "2026-02-30", "2026-13-01", "1.1.2026", "9999-12-31", "1969-12-31", "2026-1-1"),
        *(
            "2026-02-28T10:00Z",
            "2026-02-28T10:00",
            "2026-02-28 10:00:00.5+01:00",
            "2026-02-28T25:00Z",
            "20260228T100000Z",
        ),
        *("2026-02-28T10Z", "2026-02-28T10:00:00,5Z", "2026-02-28t10:00z", "2026-02-28T10:00+25:00"),
        *("critical", "info", "dire", "business", "real", "calendar", "daily", "month", "year", "pdf", "de", "ed25519"),
        *("EUR", "eur", "EURO", "120.00", "9", "9.999", "-1", "0.25", "1e3", ".5", "5.", "0.33", "1234567"),
        *("#1d4ed8", "#1d4ed", "#ffffff"),
        *("a@b", "a@b@c", "a b@c", "<a@b>", "a\u00a0@b"),
        *("a:1", "a:0", "a:65535", "a:65536", "a:999999999", ":1", "a", "[::1]:22", "::1:22", "a:１", "a b:1"),
        *(
            "http://a",
            "https://a:0/",
            "https://u@a/",
            "https://a/#x",
            "ftp://a",
            "https://a/é",
            "http://a:99999/",
            "http://",
        ),
        *("FREQ=DAILY", "FREQ=HOURLY", "(", "Europe/Vienna", "Nowhere/Else", "UTC", "AT", "XX", "BY", "9"),
    ]
)
NUMBERS = st.sampled_from(
    [0, 1, 2, 24, 28, 29, 60, 61, 99, 100, 101, 365, 366, 599, 600, 1440, 10_080, 10_081, 100_001]
)
VALUES: st.SearchStrategy[Any] = (
    WORDS
    | NUMBERS
    | st.sampled_from(
        [-1, 0.5, 0.33, 0.33333, 99.99, 100.5, 1e300, True, False, None, [], {}, [None], {"a": 1}, [[]], ["a"]]
    )
)


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a document but its top."""
    pairs: Any = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def holder(document: Any, path: tuple[str | int, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


@st.composite
def changed(draw: st.DrawFn, original: Any) -> Any:
    """The document after one or two changes: a value replaced, taken away or doubled, a key renamed or added."""
    document = deepcopy(original)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(document))))
        part, key = holder(document, path), path[-1]
        what = draw(st.sampled_from(("value", "value", "value", "leave out", "rename", "add", "swap")))
        if what == "value":
            part[key] = deepcopy(draw(VALUES))
        elif what == "leave out":
            del part[key]
        elif what == "swap":
            other = draw(st.sampled_from(list(places(original))))
            part[key] = deepcopy(holder(original, other)[other[-1]])
        elif isinstance(part, list):
            part.append(deepcopy(part[-1]) if what == "add" else deepcopy(draw(VALUES)))
        elif what == "rename":
            part[draw(WORDS)] = part.pop(key)
        else:
            part[draw(WORDS)] = deepcopy(draw(VALUES))
    return document


BEYOND = re.compile(
    "|".join(
        (
            r"is not a day;",  # 30 February
            r"is not a host name or an IP address",
            r"is not a time;|has no time zone",
            r"there is no time zone|the holidays of country|subdivision",
            r"FREQ=|never comes due|is not one of|BYDAY|is not a regular expression",
            r"ends on .* before it begins|expires at .* before it starts",
            r"ends before it begins;|overlap or are not in order|name the same weekday",
            r"does not run on the .* clock",
            r"is there already",
            r"are not a whole number of minutes",
            r"has a contrast of",
            r"before they could be converted",
            r"is not an address|is not the address of a page|is not an endpoint|has no port|holds neither a user",
        )
    )
)
"""What only a reader can know: calendars, other values of the document, and parts of other languages."""


def problems(load: Callable[[Path], object], path: Path) -> list[str]:
    try:
        load(path)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.mark.parametrize(
    ("name", "original", "load"),
    [("contract", CONTRACT, load_contracts), ("waivers", WAIVERS, load_waivers)],
    ids=["contract", "waivers"],
)
@settings(max_examples=200)
@given(data=st.data())
def test_what_the_schema_allows_is_what_the_reader_reads(
    folder: Path, name: str, original: Any, load: Callable[[Path], object], data: Any
) -> None:
    document = data.draw(changed(original))
    path = folder / "muster.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    refused = [error.message for error in Draft202012Validator(schema(name, {})).iter_errors(document)]
    found = problems(load, path)
    note(f"schema: {refused}")
    note(f"reader: {found}")
    if refused:
        assert found, "the reader reads what the schema refuses"
    else:
        assert all(BEYOND.search(problem) for problem in found), "the schema allows what the reader refuses"


@pytest.mark.parametrize(
    ("name", "original", "load"), [("contract", CONTRACT, load_contracts), ("waivers", WAIVERS, load_waivers)]
)
def test_the_unchanged_documents_are_right(
    folder: Path, name: str, original: Any, load: Callable[[Path], object]
) -> None:
    path = folder / "muster.yaml"
    path.write_text(json.dumps(original), encoding="utf-8")
    assert not list(Draft202012Validator(schema(name, {})).iter_errors(original))
    assert not problems(load, path)
