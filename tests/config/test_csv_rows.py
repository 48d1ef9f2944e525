"""CSV as people, spreadsheets and monitorings write it: what is read, and at which line what is wrong stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.config.contract_hours import MAX_BYTES, append_entries, missing_from, read_ledger, read_lines
from secaudit.config.contract_probes import read_probes
from secaudit.config.errors import ConfigError, Problem
from secaudit.model.availability import Probe
from secaudit.model.hours import WorkEntry, WorkKind
from tests.config.conftest import messages

HEAD = b"date,minutes,kind,note\n"
GOOD = b"2026-10-03,45,support,"
PROBES = b"time,up\n"
UP = b"2026-10-31T04:00:00Z,1\n"


def ledger(path: Path, raw: bytes) -> list[WorkEntry]:
    path.write_bytes(raw)
    return list(read_ledger(path))


def entry(note: str = "", minutes: int = 45) -> WorkEntry:
    return WorkEntry(date(2026, 10, 3), minutes, WorkKind.SUPPORT, note=note)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + GOOD + b"a\n",
        b"\xef\xbb\xbf" + HEAD + GOOD + b"a\n",
        (HEAD + GOOD + b"a\n").replace(b"\n", b"\r\n"),
        (HEAD + GOOD + b"a\n").replace(b"\n", b"\r"),
        HEAD + GOOD + b"a",
        HEAD + b"\n\n" + GOOD + b"a\n\n\n",
        b" date , minutes,kind,note\n 2026-10-03 , 45 , support , a \n",
        b'"date","minutes","kind","note"\n"2026-10-03","45","support","a"\n',
        b"note,kind,minutes,date\na,support,045,2026-10-03\n",
        (HEAD + GOOD + b"a\n").replace(b",", b";"),
        b"\xef\xbb\xbf" + (HEAD + GOOD + b"a\n").replace(b",", b";").replace(b"\n", b"\r\n"),
        (HEAD + GOOD + b"a\n").replace(b",", b"\t").replace(b"\n", b"\r"),
    ],
    ids=[
        *("plain", "BOM", "CRLF", "CR", "no end", "empty lines", "spaces", "quotes", "other order"),
        *("semicolons", "semicolons, BOM and CRLF", "tabs"),
    ],
)
def test_what_spreadsheets_make_of_a_ledger(tmp_path: Path, raw: bytes) -> None:
    assert ledger(tmp_path / "l.csv", raw) == [entry("a")]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"date;minutes;art\n", "1:1: unknown column 'art'"),
        (b"date;minutes,kind\n", "1:1: unknown column 'date;minutes'"),
        (b"date;minutes;kind\n2026-10-03,45,support\n", "2:1: expected 3 columns, found 1"),
        (
            b"date;minutes;kind\n2026-10-03;1,5;support\n",
            "2:1: '1,5' are not minutes; write a whole number from 1 to 44640; an hour and a half are 90",
        ),
        (
            b"date;minutes;kind\n31.10.2026;45;support\n",
            "2:1: '31.10.2026' is not a day; write 2026-10-31: give the column the format YYYY-MM-DD",
        ),
        (
            HEAD + b"46326,45,support,\n",
            "2:1: '46326' is not a day; a spreadsheet counts days so: give the column the format YYYY-MM-DD",
        ),
        (HEAD + b"2026-10-03,1,5,support,\n", "2:1: expected 4 columns, found 5"),
        (HEAD + b'2026-10-03,"1,5",support,\n', "2:1: '1,5' are not minutes; write a whole number from 1 to 44640"),
        (HEAD + b"2026-10-03,44641,support,\n", "2:1: '44641' are not minutes; write a whole number from 1 to 44640"),
        (
            HEAD + b"2026-10-03,00000000145000,support,\n",
            "2:1: '00000000145000' are not minutes; write a whole number from 1 to 44640",
        ),
        (
            HEAD + "2026-10-03,４５,support,\n".encode(),
            "2:1: '４５' are not minutes; write a whole number from 1 to 44640",
        ),
        (HEAD + b"03/10/2026,45,support,\n", "2:1: '03/10/2026' is not a day; write for example 2026-12-24"),
        (HEAD + b"9999-12-31,45,support,\n", "2:1: 9999-12-31 is not between 1970 and 2199; leave out what has no end"),
        (HEAD + GOOD + b'"a\nb"\n\n' + b"2026-10-03,x,support,\n", "5:1: 'x' are not minutes; write a whole number"),
        (HEAD + GOOD + b"a\n" + GOOD + b'"a\n' + GOOD, "3:1: not CSV: unexpected end of data"),
        (HEAD + GOOD + b'"a"b\n', "2:1: not CSV: ',' expected after '\"'"),
        (
            HEAD + GOOD + b"a\n" + GOOD + b"\xff\n",
            "3:1: byte 0xff is not UTF-8 (save the file with the encoding UTF-8)",
        ),
        (HEAD.decode().encode("utf-16"), "1:1: byte 0xff is not UTF-8 (save the file with the encoding UTF-8)"),
        (HEAD + GOOD + b"a" * 200_000, "2:1: not CSV: field larger than field limit (131072)"),
        (b"date,minutes,kind,\n2026-10-03,45,support,\n", "1:1: unknown column ''"),
        (b'"date\n', "1:1: not CSV: unexpected end of data"),
        (b"date,minutes,kind,ticket,ticket\n", "1:1: the first line must name the columns"),
    ],
)
def test_every_problem_names_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("l.csv").write_bytes(raw)
    (found,) = messages(lambda: read_ledger(Path("l.csv")))
    assert found.startswith(f"l.csv:{message}")


def test_what_is_huge_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("l.csv").open("wb") as file:
        file.truncate(1 << 40)
    assert messages(lambda: read_ledger(Path("l.csv"))) == [
        "l.csv: longer than 1000000 bytes (begin a ledger per contract)"
    ]
    bad = HEAD + b"x,y,z,\n" * 1000
    Path("l.csv").write_bytes(bad)
    assert len(messages(lambda: read_ledger(Path("l.csv")))) == 20


def test_a_line_that_would_make_the_ledger_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    append_entries(path, [entry("x" * 1000)] * 950)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="would become longer than"):
        append_entries(path, [entry("x" * 1000)] * 50)
    assert path.read_bytes() == before
    assert len(before) < MAX_BYTES


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be read: (File name too long|Is a directory)"):
            append_entries(path, [entry()])


def test_lines_are_added_in_the_columns_of_the_ledger(tmp_path: Path) -> None:
    """A person's own order, and a ledger that never had tickets."""
    path = tmp_path / "l.csv"
    path.write_bytes(b"\xef\xbb\xbfkind,minutes,note,date\r\nsupport,15,,2026-10-01")
    append_entries(path, [entry('a "b", c')])
    assert path.read_bytes().endswith(b'2026-10-01\nsupport,45,"a ""b"", c",2026-10-03\n')
    assert read_ledger(path)[1] == entry('a "b", c')
    before = path.read_bytes()
    ticket = WorkEntry(date(2026, 10, 3), 5, WorkKind.SUPPORT, "T-1")
    with pytest.raises(ConfigError, match="1:1: there is no column 'ticket' for what is to be added"):
        append_entries(path, [ticket])
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        append_entries(path, [entry("\udc80")])
    assert path.read_bytes() == before


plain = st.text(st.characters(codec="utf-8"), max_size=12).map(str.strip)
entries = st.builds(
    WorkEntry,
    st.dates(date(1970, 1, 1), date(2199, 12, 31)),
    st.integers(1, 44640),
    st.sampled_from(WorkKind),
    plain | st.sampled_from(['"', "\r", "a\r\nb", ",", "=1+1", "\0"]).map(str.strip),
    plain,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledgers")


@settings(max_examples=200)
@given(first=st.lists(entries, max_size=5), second=st.lists(entries, max_size=5))
def test_whatever_is_added_is_read_back_and_is_not_imported_twice(
    folder: Path, first: list[WorkEntry], second: list[WorkEntry]
) -> None:
    path = folder / "l.csv"
    path.unlink(missing_ok=True)
    for added in (first, second):
        append_entries(path, added)
    assert list(read_ledger(path)) == first + second
    begins = [line.location.line for line in read_lines(path)]
    assert begins == sorted(set(begins))
    assert not missing_from(read_ledger(path), second + first)


@settings(max_examples=300)
@given(raw=st.binary(max_size=60) | st.text('date,minutes,kind\n\r";2026-10-03 5support', max_size=80).map(str.encode))
@pytest.mark.parametrize(("reader", "head"), [(read_ledger, HEAD), (read_probes, PROBES)])
def test_no_bytes_break_the_readers(
    folder: Path, reader: Callable[[Path], tuple[object, ...]], head: bytes, raw: bytes
) -> None:
    path = folder / "any.csv"
    for whole in (raw, head + raw):
        path.write_bytes(whole)
        assert all(problem.location is not None for problem in problems(reader, path))


def problems(reader: Callable[[Path], tuple[object, ...]], path: Path) -> Sequence[Problem]:
    try:
        reader(path)
    except ConfigError as error:
        return error.problems
    return ()


# Probes.


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + PROBES + UP,
        (PROBES + UP).replace(b"\n", b"\r\n"),
        b'"time","ms","up"\n\n"2026-10-31T05:00:00+01:00","1,5","OK"\n\n',
        b"up,time\nyes, 1793419200 \n",
        b"ms,time,up,ms\n1,2026-10-31 04:00:00+00:00,true,2\n",
    ],
    ids=["BOM", "CRLF", "quotes and another zone", "seconds", "columns twice that nobody needs"],
)
def test_what_monitorings_export(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(raw)
    assert read_probes(path) == (Probe(datetime(2026, 10, 31, 4, tzinfo=UTC), True),)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"time;ip\n2026-10-31T04:00:00Z;1\n", "1:1: the first line must name the columns time, up, each once"),
        (PROBES + b"46326,1\n", "2:1: '46326' is in 1970, before there were probes"),
        (b"time,up,up\n", "1:1: the first line must name the columns time, up, each once"),
        (PROBES + b"2026-10-31T04:00:00Z,1,5\n", "2:1: expected 2 columns, found 3"),
        (PROBES + UP + b"31.10.2026 04:00,1\n", "3:1: '31.10.2026 04:00' is not a time with its zone"),
        (PROBES + b"0001-01-01T00:00:00+14:00,1\n", "2:1: '0001-01-01T00:00:00+14:00' is not a time with its zone"),
        (PROBES + b"1793419200000,1\n", "2:1: '1793419200000' is not a time with its zone"),
        (PROBES + b"1" * 5000 + b",1\n", "2:1: '1111"),
        (PROBES + b"2026-10-31T04:00:00Z,\n", "2:1: up is ''; write 1 or 0"),
        (PROBES + b'"2026', "2:1: not CSV: unexpected end of data"),
        (PROBES + UP + b"\xe4\n", "3:1: byte 0xe4 is not UTF-8"),
    ],
)
def test_probes_that_are_not_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.csv").write_bytes(raw)
    (found,) = messages(lambda: read_probes(Path("p.csv")))
    assert found.startswith(f"p.csv:{message}")
    assert len(found) < 1500


SECONDS = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), 7_000_000_000)
"""Since 1970, from the first year in which there may be probes."""


@settings(max_examples=100)
@given(
    moments=st.lists(SECONDS.map(lambda second: datetime.fromtimestamp(second, UTC)), max_size=5),
    offset=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_times_are_what_their_zone_makes_of_them(folder: Path, moments: list[datetime], offset: timezone) -> None:
    path = folder / "times.csv"
    path.write_text("time,up\n" + "".join(f"{moment.astimezone(offset).isoformat()},1\n" for moment in moments))
    assert [probe.at for probe in read_probes(path)] == moments
