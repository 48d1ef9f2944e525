"""Version order: published vectors, the tools' own code as oracle, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secaudit.checks.patch.versions import InvalidVersion, dpkg_key, rpm_key

from .given import shared

DPKG_PART = st.text("019aAz.+~", min_size=0, max_size=6)
DPKG_VERSION = st.builds(
    lambda epoch, digit, upstream, revision: f"{epoch}{digit}{upstream}{revision}",
    st.sampled_from(["", "0:", "1:", "00:"]),
    st.sampled_from("0129"),
    DPKG_PART,
    st.one_of(st.just(""), st.text("019aAz.+~", min_size=1, max_size=4).map(lambda text: f"-{text}")),
)


def sign(left: bytes, right: bytes) -> int:
    return (left > right) - (left < right)


def test_dpkg_vectors() -> None:
    vectors = json.loads(shared("patch/vectors/vectors.json").read_text())["dpkg"]
    refused = set()
    for left, right, expected in vectors:
        try:
            keys = dpkg_key(left), dpkg_key(right)
        except InvalidVersion:
            refused.add((left, right))
            continue
        assert sign(*keys) == expected, (left, right)
    # The upstream version has to start with a digit, which dpkg itself only warns of.
    assert all("0:a-0" in pair or not pair[0][0].isdigit() or not pair[1][0].isdigit() for pair in refused)
    assert len(refused) < 4


def test_rpm_vectors() -> None:
    vectors = json.loads(shared("patch/vectors/vectors.json").read_text())["rpm"]
    for left, right, expected in vectors:
        try:
            keys = rpm_key(f"{left}-1"), rpm_key(f"{right}-1")
        except InvalidVersion:
            assert not (left.isascii() and right.isascii()), (left, right)
            continue
        assert sign(*keys) == expected, (left, right)


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.0~~", "1.0~", "1.0~rc1", "1.0", "1.0-0+b1", "1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u1", "1.0a", "1.0+dfsg"],
        ["6.1.9-1", "6.1.10-1", "6.1.10-1+b1", "6.12", "1:0.1", "2:0"],
    ],
)
def test_dpkg_order(ordered: list[str]) -> None:
    for earlier, later in pairwise(ordered):
        assert dpkg_key(earlier) < dpkg_key(later), (earlier, later)


def test_rpm_order() -> None:
    ordered = ["1.0~rc1-1", "1.0-1", "1.0-1.el9", "1.0-1.el9_4.2", "1.0^git1-1", "1.0.a-1", "1.0.1-1", "1:0.1-1"]
    for earlier, later in pairwise(ordered):
        assert rpm_key(earlier) < rpm_key(later), (earlier, later)


@pytest.mark.parametrize(
    "version",
    ["", "-", "a1", ":1", "1:", "x:1", "1-", "1:-1", "1 2", "1_2", "1.0\n", "1.0é", "١", "1-é", "9" * 256, "1\0"],
)
def test_what_is_no_debian_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion):
        dpkg_key(version)


@pytest.mark.parametrize("version", ["", "1.0", "-1", "1-", "1:1", "a:1-1", "1-1-1", "1.0-1\n", "1 0-1", "é-1"])
def test_what_is_no_rpm_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion):
        rpm_key(version)


@settings(max_examples=40, deadline=None)
@given(DPKG_VERSION, DPKG_VERSION)
def test_dpkg_itself_agrees(left: str, right: str) -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not installed")
    asked = "lt" if dpkg_key(left) < dpkg_key(right) else "ge"
    ended = subprocess.run(["dpkg", "--compare-versions", left, asked, right], check=False)
    assert ended.returncode == 0, (left, asked, right)


@given(st.text())
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    for key in (dpkg_key, rpm_key):
        with suppress(InvalidVersion):
            assert isinstance(key(text), bytes)
