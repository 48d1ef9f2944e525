"""The seam for what is laid over the results of a host and is no check's business: waivers and deadlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from secaudit.model.inventory import Host
from secaudit.model.result import Result

Overlay = Callable[[Host, Sequence[Result], datetime, Mapping[str, datetime]], tuple[Result, ...]]
"""Completes the results of a host at a moment (aware UTC), and may add results of its own.

It changes neither outcomes nor identities. The last argument says since when findings are known, by fingerprint. It is
called in the thread that records, for live scans and for recorded ones alike.
"""


def nothing_to_add(
    host: Host, results: Sequence[Result], moment: datetime, known: Mapping[str, datetime]
) -> tuple[Result, ...]:
    """The results as they are, for scans without waivers and contracts."""
    del host, moment, known
    return tuple(results)
