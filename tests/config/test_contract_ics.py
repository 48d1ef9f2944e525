"""Maintenance windows and closed days from iCalendar files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from secaudit.config.contract_ics import read_closed_days, read_windows
from secaudit.config.errors import ConfigError

BERLIN = "Europe/Berlin"


def a_file(folder: Path, *events: str) -> Path:
    """A calendar with these events, each the lines between BEGIN and END."""
    path = folder / "plan.ics"
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    path.write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//\n{body}END:VCALENDAR\n")
    return path


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_a_weekly_window_follows_its_zone_over_the_change_of_clocks(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART;TZID=Europe/Berlin:20261018T020000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3"
    windows = read_windows(a_file(tmp_path, event), "UTC", date(2026, 1, 1), None)
    # The second one begins at 02:00, which comes twice that night; the first of the two counts.
    assert [begin for begin, _ in windows] == [at(2026, 10, 18), at(2026, 10, 25), at(2026, 11, 1, 1)]
    assert [end for _, end in windows] == [at(2026, 10, 18, 1), at(2026, 10, 25, 1), at(2026, 11, 1, 2)]


def test_exceptions_additions_moves_and_cancellations(tmp_path: Path) -> None:
    series = (
        "UID:a\nDTSTART:20260901T010000Z\nDTEND:20260901T030000Z\nRRULE:FREQ=DAILY;UNTIL=20260904T010000Z\n"
        "EXDATE:20260902T010000Z\nRDATE:20260910T010000Z"
    )
    moved = "UID:a\nRECURRENCE-ID:20260903T010000Z\nDTSTART:20260903T200000Z\nDTEND:20260903T210000Z"
    gone = "UID:b\nSTATUS:CANCELLED\nDTSTART:20260920T010000Z\nDTEND:20260920T030000Z"
    windows = read_windows(a_file(tmp_path, series, moved, gone), BERLIN, date(2026, 1, 1), None)
    assert [begin for begin, _ in windows] == [
        at(2026, 9, 1, 1),
        at(2026, 9, 3, 20),
        at(2026, 9, 4, 1),
        at(2026, 9, 10, 1),
    ]


def test_times_without_a_zone_and_whole_days_are_local(tmp_path: Path) -> None:
    floating = "UID:a\nDTSTART:20260701T020000\nDTEND:20260701T030000"
    whole = "UID:b\nDTSTART;VALUE=DATE:20261025"
    windows = read_windows(a_file(tmp_path, floating, whole), BERLIN, date(2026, 1, 1), date(2026, 12, 31))
    assert windows == ((at(2026, 7, 1), at(2026, 7, 1, 1)), (at(2026, 10, 24, 22), at(2026, 10, 25, 23)))


def test_only_what_touches_the_contract(tmp_path: Path) -> None:
    event = "UID:a\nDTSTART:20200101T010000Z\nDTEND:20200101T020000Z\nRRULE:FREQ=YEARLY"
    windows = read_windows(a_file(tmp_path, event), BERLIN, date(2026, 1, 1), date(2027, 6, 30))
    assert [begin.year for begin, _ in windows] == [2026, 2027]
    endless = read_windows(a_file(tmp_path, event), BERLIN, date(2026, 1, 1), None)
    assert [endless[0][0].year, endless[-1][0].year] == [2026, 2036]


def test_closed_days(tmp_path: Path) -> None:
    holidays = "UID:a\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nRRULE:FREQ=YEARLY"
    days = read_closed_days(a_file(tmp_path, holidays), BERLIN, date(2026, 1, 1), date(2026, 12, 31))
    assert days == (date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("UID:x\nSUMMARY:nothing", "has no DTSTART"),
        ("UID:x\nDTSTART:20260101T010000Z\nDTEND:20260101T010000Z", "more than nothing"),
        ("UID:x\nDTSTART:20260101T010000Z\nDTEND:20270101T010000Z", "31 days at most"),
        ("UID:x\nDTSTART:20260101T010000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "FREQ=DAILY or coarser"),
        ("UID:x\nDTSTART:20260101T010000Z\nDTEND;VALUE=DATE:20260102", "other way round"),
        ("UID:x\nDTSTART:yesterday", "DTSTART"),
        ("UID:x\nDTSTART;TZID=Nowhere/Land:20260101T010000\nDURATION:PT1H", "unknown zone Nowhere/Land"),
    ],
)
def test_mistakes_name_the_line_and_the_event(tmp_path: Path, event: str, said: str) -> None:
    good = "UID:good\nDTSTART:20260101T010000Z\nDURATION:PT1H"
    with pytest.raises(ConfigError) as caught:
        read_windows(a_file(tmp_path, good, event), BERLIN, date(2026, 1, 1), None)
    text = str(caught.value)
    assert f"{tmp_path / 'plan.ics'}:9:" in text
    assert "event x" in text
    assert said in text


def test_what_is_no_calendar(tmp_path: Path) -> None:
    path = tmp_path / "plan.ics"
    for raw, said in ((b"hello", "iCalendar"), (b"\xff", "not UTF-8"), (b"", "holds no calendar")):
        path.write_bytes(raw)
        with pytest.raises(ConfigError, match=said):
            read_windows(path, BERLIN, date(2026, 1, 1), None)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_windows(tmp_path / "none.ics", BERLIN, date(2026, 1, 1), None)


def test_a_closed_day_with_times_is_refused(tmp_path: Path) -> None:
    event = "UID:half\nDTSTART:20261224T120000Z\nDURATION:PT4H"
    with pytest.raises(ConfigError, match="a closed day is an all-day event"):
        read_closed_days(a_file(tmp_path, event), BERLIN, date(2026, 1, 1), None)


def test_a_daily_rule_over_many_years_is_bounded(tmp_path: Path) -> None:
    event = "UID:x\nDTSTART:19000101T010000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    with pytest.raises(ConfigError, match="20000"):
        read_windows(a_file(tmp_path, event), BERLIN, date(2026, 1, 1), None)
