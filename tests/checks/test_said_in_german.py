"""What checks say is translated: every text in their source has German, with the same values and the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.api.translation import catalogue, translated
from secaudit.cli.translations import phrasebook
from secaudit.model.phrasebook import Pattern, Phrasebook, is_pattern
from secaudit.plugins import discover

from .spoken import VALUE, Said, spoken

FAMILIES = Path(__file__).parents[2] / "checks"

OURS = {"engine": "secaudit.engine", "delivery": "secaudit.export.delivery"}
"""Packages of the engine with catalogues of their own."""

DATA = {
    r"(apt-get|apt-mark|apk|dnf|zypper|pacman|systemctl) .*": "a command and nothing else",
    rf"{VALUE}+ ?{VALUE}*: policy {VALUE}": "a chain and its policy in nftables' own words",
    rf"{VALUE} has used {VALUE}\.": "its parts are joined by `and`; the catalogue has all three sentences",
    rf"{VALUE}: {VALUE}; the first was due on {VALUE};  is available": "without a version there is no fix to speak of",
    r"conditions that are not known decide about |.*: ": "not said with nothing behind it",
    rf"`{VALUE}` printed more than its limit of {VALUE} bytes: .*": "told without a detail",
}
"""Texts that need no translation, and why."""


def german() -> Phrasebook:
    return phrasebook("de", *sorted({*OURS.values()} - {"secaudit.engine"}))


def messages() -> dict[str, dict[str, str]]:
    families = {name: dict(translated(family, "de")) for name, family in discover().families.items()}
    ours = {name: dict(catalogue(package, name, "de")) for name, package in OURS.items()}
    return families | ours


BOOK = german()
MESSAGES = messages()
PATTERNS = {said: becomes for part in MESSAGES.values() for said, becomes in part.items() if is_pattern(said)}


def with_values(said: Said) -> tuple[str, list[str]]:
    """The text with a value that no catalogue has in each place."""
    pieces = said.text.split(VALUE)
    values = [f"Qx{number}" for number in range(len(pieces) - 1)]
    return "".join(piece + value for piece, value in zip(pieces, [*values, ""], strict=True)), values


SPEAKING = [
    *sorted(path for path in FAMILIES.iterdir() if (path / "__init__.py").is_file()),
    *(FAMILIES.parent / "secaudit" / name for name in ("api", "engine", "sla")),
]


@pytest.mark.parametrize("package", SPEAKING, ids=lambda package: package.name)
def test_everything_that_a_check_can_say_has_its_german(package: Path) -> None:
    missing = []
    for said in spoken(package):
        if any(re.fullmatch(data, said.text, re.DOTALL) for data in DATA):
            continue
        text, values = with_values(said)
        found = BOOK.find(text)
        if found is None or any(value not in found for value in values):
            missing.append(f"{said.place}: {text} -> {found}")
    assert missing == []


def test_the_source_is_really_read() -> None:
    texts = {said.text for said in spoken(FAMILIES / "resilience")}
    assert {
        "RAID arrays are whole",
        f"The array {VALUE} is not whole: {VALUE}.",
        f"{VALUE} of {VALUE} members present",
        "not there; the md driver is not loaded",
        "chronyc printed no possible time",
    } <= texts
    assert sum(1 for _ in spoken(FAMILIES)) > 500


def test_nothing_has_two_translations() -> None:
    told: dict[str, set[str]] = {}
    for part in MESSAGES.values():
        for said, becomes in part.items():
            told.setdefault(said, set()).add(becomes)
    assert {said: becomes for said, becomes in told.items() if len(becomes) > 1} == {}


def test_commands_stay_as_they_are() -> None:
    wrong = []
    for part in MESSAGES.values():
        for said, becomes in part.items():
            if sorted(re.findall(r"`[^`]*`", said)) != sorted(re.findall(r"`[^`]*`", becomes)):
                wrong.append(said)
            commands = [line for line in said.split("\n")[1:] if re.match(r"[a-z0-9]+(-[a-z]+)* [-a-z'/:]", line)]
            wrong += [line for line in commands if _is_command(line) and line not in becomes.split("\n")]
    assert wrong == []


def _is_command(line: str) -> bool:
    program, _, rest = line.partition(" ")
    return program in PROGRAMS and "then" not in rest and ";" not in rest


PROGRAMS = frozenset(
    [
        "apt",
        "apt-get",
        "cat",
        "chronyc",
        "df",
        "dnf",
        "du",
        "ip6tables",
        "iptables",
        "journalctl",
        "mdadm",
        "nft",
        "secaudit",
        "ss",
        "systemctl",
    ]
)


def test_no_two_patterns_match_the_same_words() -> None:
    """Where literals and their weight are equal nothing could tell which of two patterns is meant."""
    for said in sorted(PATTERNS):
        pattern = Pattern.of(said, PATTERNS[said])
        values = tuple(f"Qx{number}" for number in range(len(pattern.literals) - 1))
        text = "".join(a + b for a, b in zip(pattern.literals, [*values, ""], strict=True))
        assert next(BOOK.matching(text)) == (pattern, values)


VALUES = st.text(st.characters(codec="utf-8", categories=("Lu", "Nd", "So")), min_size=1, max_size=12)


ONLY_PATTERNS = Phrasebook.of(PATTERNS)


@given(st.sampled_from(sorted(PATTERNS)), st.data())
def test_german_has_the_values_of_the_english(said: str, data: st.DataObject) -> None:
    names = list(dict.fromkeys(re.findall(r"\{(\w+)\}", said)))
    values = {name: data.draw(VALUES, label=name) for name in names}
    assert ONLY_PATTERNS.find(said.format(**values)) == PATTERNS[said].format(**values)
