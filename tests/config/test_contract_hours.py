"""The ledger file: what is read, what is refused, and how lines are added."""

from __future__ import annotations

import fcntl
import resource
from dataclasses import replace
from datetime import date
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secaudit.config import contract_hours
from secaudit.config.contract_hours import append_entries, missing_from, read_ledger
from secaudit.model.hours import WorkEntry, WorkKind
from tests.config.conftest import Write, messages

ENTRY = WorkEntry(date(2026, 10, 3), 45, WorkKind.SUPPORT, "T-1", 'said "no", twice\nthen yes')
OTHER = WorkEntry(date(2026, 10, 4), 15, WorkKind.DEVELOPMENT)


def test_what_was_added_is_read_back(write: Write) -> None:
    path = Path("ledger/2026.csv")
    append_entries(path, [ENTRY])
    append_entries(path, [OTHER, OTHER])
    assert read_ledger(path) == (ENTRY, OTHER, OTHER)
    assert path.read_text().startswith("date,minutes,kind,ticket,note\n2026-10-03,45,support,T-1,")


def test_a_ledger_that_a_person_wrote(write: Write) -> None:
    path = write(
        "l.csv", "\ufeffkind, minutes,date\n".replace(" ", "") + "support, 45 ,2026-10-03\n\nsupport,15,2026-10-04"
    )
    assert [entry.minutes for entry in read_ledger(path)] == [45, 15]
    append_entries(path, [])
    assert len(read_ledger(path)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "l.csv:1:1: the first line must name the columns date, minutes, kind, each once"),
        ("date,minutes\n", "l.csv:1:1: the first line must name the columns date, minutes, kind, each once"),
        ("date,date,minutes,kind\n", "l.csv:1:1: the first line must name the columns date, minutes, kind, each once"),
        ("date,minuets,kind\n", "l.csv:1:1: unknown column 'minuets' (did you mean 'minutes'?)"),
        ("date,minutes,kind\n2026-10-03,45\n", "l.csv:2:1: expected 3 columns, found 2"),
        (
            "date,minutes,kind\n2026-10-03,0,support\n",
            "l.csv:2:1: '0' are not minutes; write a whole number from 1 to 44640",
        ),
        (
            "date,minutes,kind\n2026-10-03,-5,support\n",
            "l.csv:2:1: '-5' are not minutes; write a whole number from 1 to 44640",
        ),
        (
            "date,minutes,kind\n2026-10-03,1.5,support\n",
            "l.csv:2:1: '1.5' are not minutes; write a whole number from 1 to 44640; an hour and a half are 90",
        ),
        (
            "date,minutes,kind\n3.10.2026,5,support\n",
            "l.csv:2:1: '3.10.2026' is not a day; write 2026-10-03: give the column the format YYYY-MM-DD",
        ),
        (
            "date,minutes,kind\n2026-10-03,5,suport\n",
            "l.csv:2:1: there is no kind 'suport'; did you mean 'support'?",
        ),
        ('date,minutes,kind\n"2026-10-03,5,support\n', "l.csv:2:1: not CSV: unexpected end of data"),
    ],
)
def test_bad_ledgers(write: Write, text: str, message: str) -> None:
    assert messages(lambda: read_ledger(write("l.csv", text))) == [message]


def test_every_problem_is_told(write: Write) -> None:
    path = write("l.csv", "date,minutes,kind\nx,1,support\n2026-10-03,x,support\n")
    assert len(messages(lambda: read_ledger(path))) == 2
    assert len(messages(lambda: append_entries(path, [ENTRY]))) == 2
    assert path.read_text().count("\n") == 3, "nothing is added to what is no ledger"


def test_a_missing_ledger_is_not_an_empty_one(write: Write) -> None:
    assert messages(lambda: read_ledger(Path("none.csv"))) == [
        "none.csv: cannot be read: No such file or directory (`secaudit contract hours add` begins one)"
    ]


def test_an_import_adds_what_is_not_there_yet() -> None:
    assert missing_from([ENTRY, OTHER], [OTHER, OTHER, ENTRY]) == (OTHER,)
    assert missing_from([], [OTHER, OTHER]) == (OTHER, OTHER)


def test_lines_are_added_with_the_separator_that_is_there(write: Write) -> None:
    path = write("l.csv", "date;minutes;kind;ticket;note\n2026-10-04;15;development;;\n")
    append_entries(path, [ENTRY, WorkEntry(date(2026, 10, 5), 5, WorkKind.SUPPORT, note="a; b, c")])
    assert read_ledger(path)[1] == ENTRY
    assert path.read_text().endswith('2026-10-05;5;support;;"a; b, c"\n')


words = st.text('abc,;\t"=\n é', max_size=8).map(str.strip)
pieces = st.builds(
    WorkEntry,
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.integers(1, 99),
    st.sampled_from(WorkKind),
    words,
    words,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(separator=st.sampled_from(",;\t"), added=st.lists(pieces, max_size=4))
def test_whatever_is_added_between_any_separators_is_read_back(
    write: Write, separator: str, added: list[WorkEntry]
) -> None:
    path = write("l.csv", separator.join(contract_hours.COLUMNS) + "\n")
    for entry in added:
        append_entries(path, [entry])
    assert list(read_ledger(path)) == added


def test_two_that_begin_a_ledger_at_once_write_one_header(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is quicker between our look and our lock."""
    path = Path("l.csv")
    lock = fcntl.flock

    def late(file: FileIO, kind: int) -> None:
        monkeypatch.setattr("secaudit.config.contract_hours.flock", lock)
        append_entries(path, [OTHER])
        lock(file, kind)

    monkeypatch.setattr("secaudit.config.contract_hours.flock", late)
    append_entries(path, [ENTRY])
    assert read_ledger(path) == (OTHER, ENTRY)


def test_an_empty_ledger_is_begun(write: Write) -> None:
    path = write("l.csv", "")
    append_entries(path, [ENTRY])
    assert read_ledger(path) == (ENTRY,)


def test_on_a_full_disk_a_ledger_stays_as_it_was(write: Write) -> None:
    """Of what does not fit, no part stays either."""
    path = write("l.csv", "date,minutes,kind\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        said = messages(lambda: append_entries(path, [replace(OTHER, day=date(2026, 10, day)) for day in range(1, 9)]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said == ["l.csv: cannot be written: File too large"]
    assert path.read_text() == "date,minutes,kind\n"
