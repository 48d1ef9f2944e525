"""The time that stamps on the host are held against."""

from __future__ import annotations

from datetime import datetime, timedelta

from secaudit.api import Facts, Now

from ..host.facts import HostClock

CLOCK_TOLERANCE = timedelta(minutes=5)
"""A stamp further in the future than this was not set by a right clock and tells no age."""


def host_now(facts: Facts) -> datetime:
    """The moment of the audit as the host's clock shows it (aware UTC); stamps of the host were set by that clock."""
    return facts[Now].at + facts[HostClock].skew
