"""Which families and checks speak for which promise."""

from __future__ import annotations

NETWORK_FAMILIES = frozenset({"firewall", "network"})
HARDWARE_FAMILIES = frozenset({"resilience"})
PATCH_FAMILY = "patch"
VERSION_CHECKS = frozenset({"patch.end-of-life", "patch.release-behind"})
"""Checks about releases as a whole; all others of the family are about updates."""


def is_patch(family: str, check: str) -> bool:
    """Whether a check is about updates."""
    return family == PATCH_FAMILY and check not in VERSION_CHECKS
