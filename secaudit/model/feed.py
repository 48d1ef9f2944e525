"""Reference data that take part in a run: advisory feeds, catalogues, scores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FeedStamp:
    """Which reference data took part: their name, the moment they speak for (aware UTC), and the sha256 of the data.

    The same transcripts, baselines and stamped data give the same results.
    """

    name: str
    at: datetime
    sha256: str
