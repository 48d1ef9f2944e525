"""What the tests of several readers share: the sample files, mutation, and questions to a ruleset."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from secaudit.checks.firewall.path.tracer import verdict
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.rules.ruleset import Ruleset

SHARED = Path(os.environ.get("SECAUDIT_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data")) / "firewall"


def sample(name: str) -> str:
    """A file of the shared sample data; skips the test when it is not here."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared sample data is not here: {path}")
    return path.read_text()


def fate(ruleset: Ruleset, packet: str) -> str:
    """What becomes of a packet, in one word."""
    return str(verdict(ruleset, read_packet(packet)).fate)


def mutated(text: str, chance: random.Random, pieces: str) -> str:
    """The text with some of its characters taken out, replaced or doubled."""
    characters = list(text)
    for _ in range(chance.randrange(1, 40)):
        at = chance.randrange(len(characters))
        characters[at : at + chance.randrange(4)] = chance.choice([*pieces, "", "\n", characters[at] * 2])
    return "".join(characters)
