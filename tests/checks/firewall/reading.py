"""What the tests of several readers share: the sample files, mutation, and questions to a ruleset."""

from __future__ import annotations

import random

from secaudit.checks.firewall.path.tracer import verdict
from secaudit.checks.firewall.rules.packet import read_packet
from secaudit.checks.firewall.rules.ruleset import Ruleset

from tests import shared_data

SHARED = shared_data.SHARED / "firewall"


def sample(name: str) -> str:
    """A file of the shared sample data; skips the test when it is not here."""
    return shared_data.shared(f"firewall/{name}").read_text()


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
