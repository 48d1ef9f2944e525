"""Version order: published vectors, the tools' own code as oracle, and what is refused."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secaudit.checks.patch.versions import InvalidVersion, apk_key, dpkg_key, pacman_key, rpm_key

from tests.shared_data import shared

from .roots import tools_root

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


def test_apk_vectors() -> None:
    vectors = json.loads(shared("patch/vectors/vectors.json").read_text())
    refused = set()
    for left, right, expected in vectors["apk"]:
        try:
            keys = apk_key(left), apk_key(right)
        except InvalidVersion:
            refused |= {left, right}
            continue
        assert sign(*keys) == expected, (left, right)
    # apk's own test compares a few texts that apk itself does not accept as versions.
    assert {version for version in refused if version in ("1.0bc", "23_foo")} == {"1.0bc", "23_foo"}
    assert len(refused) < 8, refused
    for version in vectors["apk_invalid"]:
        with pytest.raises(InvalidVersion):
            apk_key(version)


def test_pacman_vectors() -> None:
    vectors = json.loads(shared("patch/vectors/vectors.json").read_text())["pacman"]
    compared = 0
    for left, right, expected in vectors:
        if ("-" in left) != ("-" in right):
            continue  # a release that is missing is equal to any, which is no order
        keys = (pacman_key(version if "-" in version else f"{version}-1") for version in (left, right))
        assert sign(*keys) == expected, (left, right)
        compared += 1
    assert compared > 60


@pytest.mark.parametrize(
    ("key", "ordered"),
    [
        (apk_key, ["1.0_alpha", "1.0_alpha2", "1.0_rc1", "1.0", "1.0-r1", "1.0~beef", "1.0_git1", "1.0_p1", "1.0a"]),
        (apk_key, ["1.0", "1.01", "1.1", "1.1.0", "1.9", "1.10", "10"]),
        (pacman_key, ["1.5a-1", "1.5beta-1", "1.5-1", "1.5-2", "1.5.a-1", "1.5.1-1", "1.5..1-1", "1.10-1", "1:0.1-1"]),
    ],
)
def test_order_by_hand(key: Callable[[str], bytes], ordered: list[str]) -> None:
    for earlier, later in pairwise(ordered):
        assert key(earlier) < key(later), (earlier, later)


@pytest.mark.parametrize("version", ["", "1", "-1", "1-", ".1-1", "1.-1", "1-1-1", "a:1-1", "1 0-1", "1-r1", "é-1"])
def test_what_is_no_pacman_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion):
        pacman_key(version)


def drawn(rng: random.Random, alphabet: str, longest: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(1, longest)))


def a_dpkg_version(rng: random.Random) -> str:
    epoch = rng.choice(["", "", "", "0:", "1:"])
    revision = rng.choice(["", f"-{drawn(rng, '019aAz.+~', 4)}"])
    upstream = drawn(rng, "0019aAz.+~-" if revision else "0019aAz.+~", 6)
    return f"{epoch}{rng.choice('0129')}{upstream}{revision}"


def an_rpm_version(rng: random.Random) -> str:
    return f"{rng.choice(['', '1:'])}{drawn(rng, '0019aAz._+~^', 7)}-{drawn(rng, '019a.~^', 4)}"


PAIRS = 100_000


@pytest.mark.parametrize(
    ("library", "key", "a_version"), [("apt_pkg", dpkg_key, a_dpkg_version), ("rpm", rpm_key, an_rpm_version)]
)
def test_the_package_managers_own_library_agrees(
    library: str, key: Callable[[str], bytes], a_version: Callable[[random.Random], str]
) -> None:
    python = "/usr/bin/python3"
    there = subprocess.run([python, "-c", f"import {library}"], capture_output=True, check=False)
    if there.returncode != 0:
        assert not os.environ.get("CI"), f"python3 has no {library}: scripts/system-packages test"
        pytest.skip(f"the system's Python has no {library}")
    rng = random.Random(20261124)
    pairs = [(a_version(rng), a_version(rng)) for _ in range(PAIRS)]
    told = subprocess.run(
        [python, str(Path(__file__).with_name("oracle.py")), library],
        input="".join(f"{left}\t{right}\n" for left, right in pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [int(line) for line in told.stdout.split()]
    ours = [sign(key(left), key(right)) for left, right in pairs]
    different = [pair for pair, our, their in zip(pairs, ours, theirs, strict=True) if our != their]
    assert different == []


ALPM = """\
import ctypes, glob, sys
compare = ctypes.CDLL(glob.glob("/usr/lib/*/libalpm.so.*")[0]).alpm_pkg_vercmp
for line in sys.stdin.buffer:
    left, right = line.rstrip(b"\\n").split(b"\\t")
    sign = compare(left, right)
    print((sign > 0) - (sign < 0))
"""


def a_pacman_version(rng: random.Random) -> str:
    epoch = rng.choice(["", "", "0:", "1:"])
    inner = drawn(rng, "0019aAz.._+~^", 7)
    version = f"{rng.choice('019a')}{inner}{rng.choice('019az')}"
    return f"{epoch}{version}-{rng.choice(['1', '2', '10', '1.1', '01'])}"


@pytest.mark.root
def test_pacmans_own_library_agrees() -> None:
    root = tools_root()
    rng = random.Random(20261124)
    pairs = [(a_pacman_version(rng), a_pacman_version(rng)) for _ in range(PAIRS)]
    # Random texts differ early; these differ in one place only, which is where the fine rules of the order are.
    pairs += [
        (left, left[:at] + rng.choice("0a._") + left[at:]) for left, _ in pairs[:20_000] for at in [len(left) // 2]
    ]
    pairs = [(left, right) for left, right in pairs if _is_pacman(left) and _is_pacman(right)]
    told = subprocess.run(
        ["chroot", root, "python3", "-c", ALPM],
        input="".join(f"{left}\t{right}\n" for left, right in pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [int(line) for line in told.stdout.split()]
    ours = [sign(pacman_key(left), pacman_key(right)) for left, right in pairs]
    different = [pair for pair, our, their in zip(pairs, ours, theirs, strict=True) if our != their]
    assert different == []
    assert len(pairs) >= PAIRS


def _is_pacman(version: str) -> bool:
    try:
        pacman_key(version)
    except InvalidVersion:
        return False
    return True


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


@settings(max_examples=40)
@given(DPKG_VERSION, DPKG_VERSION)
def test_dpkg_itself_agrees(left: str, right: str) -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not installed")
    asked = "lt" if dpkg_key(left) < dpkg_key(right) else "ge"
    ended = subprocess.run(["dpkg", "--compare-versions", left, asked, right], check=False)
    assert ended.returncode == 0, (left, asked, right)


@given(st.text())
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    for key in (dpkg_key, rpm_key, apk_key, pacman_key):
        with suppress(InvalidVersion):
            assert isinstance(key(text), bytes)
