"""Asking the kernel about packets of the analysis."""

from __future__ import annotations

from collections.abc import Sequence

from secaudit.api import Kernel
from secaudit.model.observation import RulesetText

from ..rules.packet import Packet
from ..rules.ruleset import Ruleset
from .compare import Comparison, compare
from .sending import described, read_listings, with_addresses_known


def ask(
    kernel: Kernel, texts: Sequence[RulesetText], packets: Sequence[Packet], ruleset: Ruleset | None = None
) -> Comparison:
    """Compare what the analysis says about packets with what the kernel does under the loaded texts.

    `ruleset` is what a reader made of the texts; without it the kernel's own listing is read. The kernel must have the
    interfaces that both name. Raises `RulesetError` for a listing that cannot be read, and what the kernel raises.
    """
    known = [with_addresses_known(packet) for packet in packets]
    words = [described(packet) for packet in known]
    sendable = [packet for packet, word in zip(known, words, strict=True) if not isinstance(word, str)]
    observation = kernel.observe(texts, [word for word in words if not isinstance(word, str)])
    if ruleset is None:
        ruleset = read_listings(observation.listings)
    reasons = [word for word in words if isinstance(word, str)]
    return compare(ruleset, sendable, observation, (*reasons, *observation.unsent.values()))
