"""Transcripts round-trip, have one canonical form, and hostile input is refused with a reason."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.request import MIB, Command, PortScan
from secaudit.transcript import TranscriptError, decode, digest, encode
from secaudit.transcript.codec import canonical_json, compress, expand

NOW = datetime(2026, 11, 24, 6, 30, 0, 5, tzinfo=UTC)
SCAN = Answer(PortScan("udp", "53,161"), AnswerStatus.ENDED, NOW, timedelta(seconds=9), 0, b"<nmaprun/>")
PLAIN = HostTranscript("muster", "vienna", "web1", "10.20.0.11", NOW, NOW, Reach.COMPLETE, "", (SCAN,))

_moments = st.datetimes(timezones=st.just(UTC))
_durations = st.timedeltas(timedelta(0), timedelta(days=30))
_arguments = st.text(st.characters(exclude_characters="\0\n\\"), min_size=1, max_size=8)
_commands = st.builds(
    Command,
    argv=st.lists(_arguments, max_size=3).map(lambda rest: ("/bin/x", *rest)),
    root=st.booleans(),
    timeout=_durations,
    limit=st.integers(0, 64 * MIB),
    refusals=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    is_recorded=st.just(True),  # as of a version that allowed more
)
_scans = st.builds(PortScan, st.sampled_from(["tcp", "udp"]), st.just("1-100"), _durations, st.integers(0, 64 * MIB))
_answers = st.builds(
    Answer,
    request=_commands | _scans,
    status=st.sampled_from(AnswerStatus),
    started=_moments,
    duration=_durations,
    exit=st.none() | st.integers(-255, 255),
    stdout=st.binary(max_size=30),
    stderr=st.binary(max_size=30),
    truncated=st.booleans(),
    detail=st.text(st.characters(), max_size=9) | st.just("\ud800 \0"),
    asked=st.none() | _moments,
)
_transcripts = st.builds(
    HostTranscript,
    *[st.text(max_size=5)] * 4,
    opened=_moments,
    closed=_moments,
    reach=st.sampled_from(Reach),
    detail=st.text(max_size=5),
    answers=st.lists(_answers, max_size=3).map(tuple),
)


def no_output(digests: Collection[str]) -> Mapping[str, bytes]:
    """A place that holds nothing."""
    return {}


def bounds(transcript: HostTranscript) -> list[tuple[Any, ...]]:
    """The fields of requests that do not take part in their equality."""
    requests = [answer.request for answer in transcript.answers]
    return [(found.timeout, found.limit, getattr(found, "refusals", None)) for found in requests]


@settings(max_examples=150)
@given(_transcripts)
def test_a_transcript_round_trips(transcript: HostTranscript) -> None:
    encoded = encode(transcript)
    decoded = decode(encoded.head, lambda digests: {digest: encoded.blobs[digest] for digest in digests})
    assert decoded == transcript
    assert bounds(decoded) == bounds(transcript)
    assert encode(decoded) == encoded


def test_the_form_is_canonical_and_published() -> None:
    encoded = encode(PLAIN)
    assert encoded.head == canonical_json(json.loads(encoded.head))
    output, empty = (hashlib.sha256(data).hexdigest() for data in (b"<nmaprun/>", b""))
    assert json.loads(encoded.head) == {
        "schema": "secaudit.transcript/1",
        "customer": "muster",
        "site": "vienna",
        "host": "web1",
        "address": "10.20.0.11",
        "opened": "2026-11-24T06:30:00.000005Z",
        "closed": "2026-11-24T06:30:00.000005Z",
        "reach": "complete",
        "detail": "",
        "answers": [
            {
                "request": {
                    "type": "port_scan",
                    "protocol": "udp",
                    "ports": "53,161",
                    "timeout": 300_000_000,
                    "limit": 33_554_432,
                },
                "status": "ended",
                "started": "2026-11-24T06:30:00.000005Z",
                "duration": 9_000_000,
                "exit": 0,
                "stdout": output,
                "stderr": empty,
                "truncated": False,
                "detail": "",
            }
        ],
    }
    assert encoded.digest == digest(PLAIN) == hashlib.sha256(encoded.head).hexdigest()


def test_the_digest_covers_outputs_and_not_the_zone_of_a_time() -> None:
    other = replace(PLAIN, answers=(replace(SCAN, stdout=b"<nmaprun />"),))
    assert digest(other) != digest(PLAIN)
    assert digest(replace(PLAIN, opened=NOW.astimezone(timezone(timedelta(hours=1))))) == digest(PLAIN)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(TranscriptError, match=r"'web1' cannot be written: .* has no time zone"):
        encode(replace(PLAIN, opened=NOW.replace(tzinfo=None)))


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("schema",), "secaudit.transcript/9", "schema: Input should be 'secaudit.transcript/1'"),
        (("reach",), "partly", "reach: Input should be"),
        (("opened",), "2026-11-24T06:30:00Z", "opened: .* is not a UTC time with microseconds"),
        (("opened",), "2026-13-24T06:30:00.000000Z", "opened: .*month"),
        (("closed",), 7, "closed: .* is not a UTC time"),
        (("surprise",), 1, "surprise: Extra inputs are not permitted"),
        (("answers",), {}, "answers: Input should be a valid list"),
        (("answers", 0, "exit"), "0", r"answers\.0\.exit: Input should be a valid integer"),
        (("answers", 0, "exit"), 2**31, r"answers\.0\.exit: Input should be less"),
        (("answers", 0, "duration"), 10**30, r"answers\.0\.duration: Input should be less"),
        (("answers", 0, "stdout"), "../../etc/passwd", r"answers\.0\.stdout: String should match pattern"),
        (("answers", 0, "stdout"), "0" * 64 + "\n", r"answers\.0\.stdout: String should match pattern"),
        (("answers", 0, "request", "type"), "shell", r"answers\.0\.request: .*does not match any of the expected tags"),
        (("answers", 0, "request", "limit"), 2**40, "impossible request: an output limit of"),
        (("answers", 0, "request", "ports"), "--script x", "impossible request: not a port list"),
    ],
)
def test_a_malformed_head_is_refused_with_its_place(
    place: tuple[str | int, ...], value: object, complaint: str
) -> None:
    encoded = encode(PLAIN)
    head = json.loads(encoded.head)
    target = head
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    with pytest.raises(TranscriptError, match=complaint):
        decode(canonical_json(head), lambda _: encoded.blobs)


@pytest.mark.parametrize("head", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'{"a": NaN}'])
def test_what_is_no_head_is_refused(head: bytes) -> None:
    with pytest.raises(TranscriptError, match="the transcript is"):
        decode(head, no_output)


def test_a_missing_output_is_named() -> None:
    with pytest.raises(TranscriptError, match=r"'web1' lacks the output [0-9a-f]{64}"):
        decode(encode(PLAIN).head, no_output)


def test_compression_is_bounded_and_complete() -> None:
    data = b"x" * 100_000
    packed = compress(data)
    assert expand(packed) == data
    assert expand(packed, limit=100_000) == data
    with pytest.raises(TranscriptError, match="expands to more than 99999 bytes"):
        expand(packed, limit=99_999)
    with pytest.raises(TranscriptError, match="not one complete"):
        expand(packed[:-4])
    with pytest.raises(TranscriptError, match="not one complete"):
        expand(packed + b"more")
    with pytest.raises(TranscriptError, match="not a zlib stream"):
        expand(b"plain text")
    with pytest.raises(TranscriptError, match="expands to more"):
        expand(zlib.compress(bytes(80 * 1024 * 1024), 9))
