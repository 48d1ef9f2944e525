"""Port numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secaudit.checks.network.ports import numbers, parse_list, parse_range, show_list

PORTS = st.integers(1, 65535)


@given(st.frozensets(PORTS, min_size=1, max_size=50))
def test_every_set_of_ports_survives_being_written_down(ports: frozenset[int]) -> None:
    assert parse_list(show_list(ports)) == ports


@given(st.lists(st.tuples(PORTS, st.integers(0, 300)), min_size=1, max_size=8))
def test_the_same_ports_are_written_the_same_way(ranges: list[tuple[int, int]]) -> None:
    written = ", ".join(f"{first}-{min(first + length, 65535)}" for first, length in ranges)
    ports = parse_list(written)
    assert ports == numbers(*(range(first, min(first + length, 65535) + 1) for first, length in ranges))
    assert parse_list(show_list(ports)) == ports
    assert show_list(parse_list(show_list(ports))) == show_list(ports)


def test_neighbours_are_written_as_a_range() -> None:
    assert show_list(parse_list("443, 80,81,82, 22")) == "22,80-82,443"


@pytest.mark.parametrize(
    "written", ["", "0", "65536", "22-", "-22", "30-20", "ssh", "22;80", "1-2-3", None, True, 2.0, "²"]
)
def test_what_is_no_port_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is no port"):
        parse_range(written)
