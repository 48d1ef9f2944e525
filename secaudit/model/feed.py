"""Reference data: those that take part in a run, and where advisory feeds, catalogues and scores are fetched from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class FeedStamp:
    """Which reference data took part: their name, the moment they speak for (aware UTC), and the sha256 of the data.

    The same transcripts, baselines and stamped data give the same results.
    """

    name: str
    at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class FeedSource:
    """One address of a feed.

    `name` gives the suffix when the address has none; `expires` is the last day on which the statements (VEX) from
    there count; `sha256`, in lower-case hexadecimal digits, is what has to come, or empty.
    """

    url: str
    name: str = ""
    expires: date | None = None
    sha256: str = ""

    @property
    def shown(self) -> str:
        """The address without its query and whoever logs in there, which may be secret."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"

    @property
    def file(self) -> str:
        """What the fetched file is called: its suffix tells the format."""
        return PurePosixPath(self.name or urlsplit(self.url).path).name or "feed"


@dataclass(frozen=True, slots=True)
class FeedSources:
    """Addresses, and the prefix of a mirror that has them below their host name: `https://mirror.example/feeds`."""

    feeds: tuple[FeedSource, ...]
    mirror: str = ""
