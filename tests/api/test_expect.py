"""Durations and sizes as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.api import Duration, Expect, Size, parse_duration, parse_size, show_duration, show_size


class Limits(Expect):
    """Both kinds."""

    age: Duration
    length: Size = 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("15min", 900), ("26h", 93600), ("2d", 172800), ("1.5 h", 5400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2", "d", "-2d", "2 years", "٢d", None, 3, True])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("4096", 4096), (4096, 4096), ("10K", 10240), ("5 MiB", 5 << 20), ("1.5G", 3 << 29)]
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", -1, "10X", True, None])
def test_what_is_no_size_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="write for example"):
        parse_size(text)


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4000)))
def test_a_duration_is_written_as_it_is_read(value: timedelta) -> None:
    written = Limits(age=value).model_dump(mode="json")["age"]
    assert parse_duration(written) == value


def test_the_largest_unit_is_written() -> None:
    assert Limits(age="48h").model_dump(mode="json")["age"] == "2d"
    assert Limits(age="90m").model_dump(mode="json")["age"] == "90m"


def test_people_see_two_units() -> None:
    assert show_duration(timedelta(days=2, hours=3, minutes=4)) == "2d 3h"
    assert show_duration(-timedelta(minutes=5)) == "-5m"
    assert show_duration(timedelta()) == "0s"
    assert show_size(0) == "0 B"
    assert show_size(1536) == "1.5 KiB"
    assert show_size(5 << 40) == "5.0 TiB"
