"""Reports, their statements and bundles, changed in every way that we could think of: `verify` never says 0 to one."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secaudit.cli.main import run
from secaudit.model.signing import SigningKey, seal
from secaudit.transcript.codec import TranscriptError, expand

REPORT, RESULTS = "run-2/report.html", "run-2/results.json"
STATEMENT = f"{REPORT}.intoto.json"


def verify(place: Path, *names: str, key: str = "audit.key.pub") -> int:
    """The exit code about files of the place."""
    return run(["verify", *(str(place / name) for name in names), "--key", str(place / key)])


@st.composite
def edits(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """One edit of bytes: some are replaced, put in or taken out, or the end is cut off."""
    where, new = draw(st.floats(0, 1)), draw(st.binary(min_size=1, max_size=4))
    kind = draw(st.sampled_from(["flip", "insert", "delete", "truncate", "append", "repeat", "crlf", "space"]))

    def edit(data: bytes) -> bytes:
        at = int(where * (len(data) - 1))
        return {
            "flip": lambda: data[:at] + bytes([data[at] ^ (new[0] or 1)]) + data[at + 1 :],
            "insert": lambda: data[:at] + new + data[at:],
            "delete": lambda: data[:at] + data[at + len(new) :],
            "truncate": lambda: data[:at],
            "append": lambda: data + new,
            "repeat": lambda: data + data[at:],
            "crlf": lambda: data.replace(b"\n", b"\r\n"),
            "space": lambda: data.replace(b" ", b"  ", 1) if b" " in data else data + b" ",
        }[kind]()

    return edit


@pytest.mark.parametrize("name", [REPORT, RESULTS, STATEMENT, "bundle/bundle.json", "bundle/bundle.json.intoto.json"])
@given(edit=edits())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_byte_of_a_signed_file_changes_unseen(place: Path, name: str, edit: Callable[[bytes], bytes]) -> None:
    path, whole = place / name, (place / name).read_bytes()
    changed = edit(whole)
    path.write_bytes(changed)
    try:
        subject = "bundle" if name.startswith("bundle") else name.removesuffix(".intoto.json")
        assert verify(place, subject) in ((0,) if changed == whole else (1, 3))
    finally:
        path.write_bytes(whole)


@given(which=st.integers(0, 99), edit=edits())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_object_of_a_bundle_changes_unseen(place: Path, which: int, edit: Callable[[bytes], bytes]) -> None:
    objects = sorted(path for path in (place / "bundle" / "objects").rglob("*") if path.is_file())
    path = objects[which % len(objects)]
    whole = path.read_bytes()
    path.write_bytes(edit(whole))
    try:
        try:
            is_same = expand(path.read_bytes()) == expand(whole)
        except TranscriptError:
            is_same = False
        assert verify(place, "bundle") == (0 if is_same else 1)
    finally:
        path.write_bytes(whole)


def _rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(json.dumps(document, indent=2).encode() + b"\n")


def _resigned(path: Path, change: Callable[[dict[str, Any]], object], key: Path) -> None:
    """The statement of a file, changed and signed with another key under the id of the right one."""
    envelope = json.loads(path.read_bytes())
    told = json.loads(base64.b64decode(envelope["payload"]))
    change(told)
    path.write_bytes(seal(json.dumps(told).encode(), envelope["payloadType"], SigningKey.read(key)))
    _rewritten(path, lambda fresh: fresh["signatures"][0].update(keyid=envelope["signatures"][0]["keyid"]))


def _under_a_new_name(place: Path) -> None:
    shutil.copy(place / "run-1/results.json", place / REPORT)
    shutil.copy(place / "run-1/results.json.intoto.json", place / STATEMENT)


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(place: Path) -> None:
        (place / name).unlink()
        make(place / name)

    return replace


ATTACKS: dict[str, tuple[Callable[[Path], object], int]] = {
    "another signed file under this name": (_under_a_new_name, 1),
    "the statement of another file": (
        lambda place: shutil.copy(place / f"{RESULTS}.intoto.json", place / STATEMENT),
        1,
    ),
    "signed by another key": (
        lambda place: _resigned(place / STATEMENT, lambda _told: None, place / "other.key"),
        1,
    ),
    "the digest changed and signed by another key": (
        lambda place: _resigned(
            place / STATEMENT,
            lambda told: told["subject"][0]["digest"].update(sha256="00" * 32),
            place / "other.key",
        ),
        1,
    ),
    "another customer in the results": (
        lambda place: (place / REPORT).write_bytes((place / REPORT).read_bytes().replace(b"muster", b"zettel")),
        1,
    ),
    "no signature": (lambda place: _rewritten(place / STATEMENT, lambda it: it["signatures"].clear()), 1),
    "another media type": (
        lambda place: _rewritten(place / STATEMENT, lambda it: it.update(payloadType="text/plain")),
        1,
    ),
    "a second key in the envelope": (
        lambda place: (place / STATEMENT).write_bytes(
            (place / STATEMENT).read_bytes().replace(b'"payload":', b'"payload": "e30=",\n  "payload":', 1)
        ),
        1,
    ),
    "another id of the key": (
        lambda place: _rewritten(place / STATEMENT, lambda it: it["signatures"][0].update(keyid="sha256:" + "0" * 64)),
        1,
    ),
    "nested beyond reason": (
        lambda place: (place / STATEMENT).write_bytes(b'{"signatures":' + b"[" * 100_000),
        3,
    ),
    "not a number": (
        lambda place: (place / STATEMENT).write_bytes(b'{"signatures": [NaN], "payload": Infinity}'),
        3,
    ),
    "a lone surrogate": (
        lambda place: _rewritten(place / STATEMENT, lambda it: it.update(payloadType="\ud800")),
        1,
    ),
    "a pipe": (_instead(REPORT, os.mkfifo), 3),
    "a pipe for a statement": (_instead(STATEMENT, os.mkfifo), 3),
    "an endless statement": (_instead(STATEMENT, lambda path: path.symlink_to("/dev/zero")), 3),
    "a directory for a statement": (_instead(STATEMENT, Path.mkdir), 3),
    "a link to nowhere": (_instead(REPORT, lambda path: path.symlink_to("nowhere")), 3),
    "a link to itself": (_instead(REPORT, lambda path: path.symlink_to(path)), 3),
    "no statement": (lambda place: (place / STATEMENT).unlink(), 3),
    "no file": (lambda place: (place / REPORT).unlink(), 3),
    "a name that a terminal would obey": (
        lambda place: _resigned(
            place / STATEMENT,
            lambda told: told["subject"][0].update(name="report\x1b[2J\u202efdp.html"),
            place / "audit.key",
        ),
        1,
    ),
    "an empty file": (lambda place: (place / REPORT).write_bytes(b""), 1),
    "an empty statement": (lambda place: (place / STATEMENT).write_bytes(b""), 3),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_told(place: Path, attack: str, capsys: pytest.CaptureFixture[str]) -> None:
    tamper, expected = ATTACKS[attack]
    assert verify(place, REPORT) == 0
    tamper(place)
    capsys.readouterr()
    assert verify(place, REPORT) == expected
    told = capsys.readouterr()
    assert told.err.startswith("CHANGED" if expected == 1 else "UNPROVEN")
    assert "report.html" in told.err
    assert not set("\x1b\u202e\r") & set(told.err)
    assert told.out == ""
