"""The parser: any output, cut anywhere, comes back as it was; anything else is a FrameError and nothing else."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.transport.frames import Begun, Done, Ended, Event, Exited, FrameError, FrameParser, Grouped, Hello

LIMIT = 400
outputs = st.lists(
    st.tuples(st.binary(max_size=LIMIT + 1), st.binary(max_size=300), st.integers(0, 255), st.floats(0, 1)), max_size=4
)
encoders = st.sampled_from(["base64", "od"])


def encode(data: bytes, encoder: str) -> bytes:
    """What base64(1) and od(1) print."""
    if encoder == "base64":
        return base64.encodebytes(data)
    rows = [data[at : at + 16] for at in range(0, len(data), 16)]
    return b"".join(b" " + row.hex(" ").encode() + b"\n" for row in rows)


def stream(commands: Iterable[tuple[bytes, bytes, int, float]], encoder: str) -> bytes:
    """The script's stream; the exit mark stands at a place of its own within the encoded stdout."""
    parts = [f":hello nonce 1000 {encoder}:".encode()]
    for index, (stdout, stderr, code, where) in enumerate(commands):
        body = encode(stdout, encoder)
        at = int(len(body) * where)
        parts.append(f":begin {index}::group {index + 100}:".encode())
        parts += [body[:at], f":exit {code}:".encode(), body[at:]]
        parts += [b":stderr:", encode(stderr, encoder), f":end {index}:".encode()]
    return b"".join([*parts, b":done:"])


def parse(data: bytes, cuts: Iterable[int], limits: list[int]) -> list[Event]:
    """Feed the data in pieces that end at `cuts`."""
    parser = FrameParser("nonce", limits)
    events: list[Event] = []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        events += parser.feed(data[begin:end])
    return events


@given(outputs, encoders, st.lists(st.integers(0, 10_000)), st.binary(max_size=50))
def test_any_output_in_any_chunks(
    commands: list[tuple[bytes, bytes, int, float]], encoder: str, cuts: list[int], greeting: bytes
) -> None:
    expected: list[Event] = [Hello(1000, encoder)]
    for index, (stdout, stderr, code, _) in enumerate(commands):
        expected += [Begun(index), Grouped(index + 100), Exited(code), Ended(index, stdout, stderr)]
    expected.append(Done())
    assert parse(greeting + stream(commands, encoder), cuts, [LIMIT] * len(commands)) == expected


@given(outputs, st.lists(st.integers(0, 10_000)), st.binary(max_size=40), st.integers(0, 10_000))
def test_any_damage_is_a_frame_error_or_data(
    commands: list[tuple[bytes, bytes, int, float]], cuts: list[int], damage: bytes, at: int
) -> None:
    whole = stream(commands, "base64")
    place = at % (len(whole) + 1)
    try:
        events = parse(whole[:place] + damage + whole[place + len(damage) :], cuts, [LIMIT] * len(commands))
    except FrameError:
        return
    ends = [event.index for event in events if isinstance(event, Ended)]
    assert ends == list(range(len(ends)))


@given(st.binary(max_size=300), encoders, st.integers(0, 800))
def test_what_was_read_of_an_unfinished_command(stdout: bytes, encoder: str, cut: int) -> None:
    parser = FrameParser("nonce", [LIMIT])
    body = encode(stdout, encoder)
    list(parser.feed(f":hello nonce 0 {encoder}::begin 0::group 5:".encode() + body[: min(cut, len(body))]))
    assert stdout.startswith(parser.partial())
    if cut >= len(body):
        assert parser.partial() == stdout


def test_an_echo_of_the_script_is_no_hello() -> None:
    parser = FrameParser("nonce", [1])
    assert list(parser.feed(b'printf \':hello nonce %s %s:\' "$uid" "$encoder"\n:hello other 0 base64:')) == []
    assert list(parser.feed(b":hello nonce unknown od:")) == [Hello(None, "od")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b":begin 1:", "out of order"),
        (b":begin 0::begin 1:", "out of order"),
        (b":begin 0::stderr::end 0::begin 1:", "out of order"),
        (b":group 1:", "outside"),
        (b":exit 0:", "outside"),
        (b":stderr:", "does not belong"),
        (b":begin 0::stderr::stderr:", "does not belong"),
        (b":begin 0::end 0:", "out of order"),
        (b":begin 0::stderr::end 1:", "out of order"),
        (b":begin 0::done:", "too early"),
        (b":done::done:", "too early"),
        (b":done::begin 0:", "out of order"),
        (b"stray", "more output"),
        (b":begin 0:YQ==YQ==:stderr:", "damaged"),
        (b":begin 0:Y:stderr:", "damaged"),
        (b":begin 0:" + b"A" * 2000, "more output"),
        (b":begin 0::stderr:" + b"A" * 600_000, "more output"),
        (b":begin 0::exit 256:", "exit code"),
        (b":unheard of:", "unknown mark"),
        (b":begin -1:", "unknown mark"),
        (b":begin x:", "unknown mark"),
        (b"::", "unknown mark"),
        (b":" + b"x" * 100, "does not end"),
    ],
)
def test_what_the_script_never_prints(data: bytes, reason: str) -> None:
    parser = FrameParser("nonce", [10])
    with pytest.raises(FrameError, match=reason):
        list(parser.feed(b":hello nonce 0 base64:" + data))
    assert parser.partial() == b""


def test_a_greeting_without_end() -> None:
    parser = FrameParser("nonce", [])
    for _ in range(20):
        assert list(parser.feed(b"x" * 50_000)) == []
    with pytest.raises(FrameError, match="too much"):
        list(parser.feed(b"x" * 50_000))
