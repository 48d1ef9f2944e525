"""What is in the feeds directory: one small file that names every part, replaced in one step."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .records import FeedError

INDEX = "feeds.json"


class Origin(BaseModel):
    """One source of a part: the address, or the path, or the name that was given, and what came from there.

    `at` is the moment its data speak for, `told` the one that they tell themselves, `imported` when they came here
    (aware UTC). Whatever comes from it again takes the place of this, and of nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    at: datetime
    told: datetime | None = None
    imported: datetime
    entries: int = Field(ge=0)
    ranges: int = Field(ge=0)
    left_out: dict[str, int]


class Part(BaseModel):
    """One feed's data about one release (or the whole of a catalogue): an SQLite file called by its sha256.

    `release` is `debian:12` for advisories, `debian` for support dates, and empty for catalogues. A part is the union
    of its `sources`. `at` is the moment the oldest of them speaks for, `imported` when the last one came here (aware
    UTC). `entries` and `ranges` count what several sources say once. `sha256` covers the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: str = Field(pattern="^[a-z-]+$")
    release: str
    at: datetime
    imported: datetime
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    entries: int = Field(ge=0)
    ranges: int = Field(ge=0)
    left_out: dict[str, int]
    sources: tuple[Origin, ...] = ()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Its sources; a nameless one where an earlier version imported it, which kept no account of them."""
        if self.sources:
            return self.sources
        whole = Origin(
            name="",
            at=self.at,
            imported=self.imported,
            entries=self.entries,
            ranges=self.ranges,
            left_out=self.left_out,
        )
        return (whole,)

    @property
    def name(self) -> str:
        """What people call it: `osv debian:12`, `kev`."""
        return f"{self.feed} {self.release}".strip()

    @property
    def has_advisories(self) -> bool:
        """Whether it is about the packages of a release."""
        return ":" in self.release

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.sha256}.sqlite"


class Index(BaseModel):
    """Every part that is in use; each feed and release at most once, in order."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["secaudit.feeds/1"] = Field(default="secaudit.feeds/1", alias="schema")
    parts: tuple[Part, ...] = ()

    def of_release(self, release: str) -> tuple[Part, ...]:
        """The parts with advisories about a release."""
        return tuple(part for part in self.parts if part.release == release)

    def of_feed(self, feed: str) -> Part | None:
        """A catalogue, which is about no release."""
        return next((part for part in self.parts if part.feed == feed and not part.release), None)

    def of(self, feed: str, release: str) -> Part | None:
        """The part of a feed about a release."""
        return next((part for part in self.parts if (part.feed, part.release) == (feed, release)), None)

    def without(self, names: Collection[str]) -> Index:
        """The same without the parts of these names."""
        return Index(parts=tuple(part for part in self.parts if part.name not in names))

    def replaced(self, new: tuple[Part, ...]) -> Index:
        """The same with new parts in the places of the old ones."""
        merged = {(part.feed, part.release): part for part in (*self.parts, *new)}
        return Index(parts=tuple(merged[key] for key in sorted(merged)))


def read_index(directory: Path) -> Index:
    """What is there; an empty index when nothing was ever imported. Raises FeedError for a damaged one."""
    path = directory / INDEX
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Index()
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror or error}") from None
    try:
        return Index.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise FeedError(f"{path}: {place or 'the file'}: {first['msg']}; import the feeds again") from None


def write_index(directory: Path, index: Index) -> None:
    """Put the index in the place of the old one, on disk when this returns."""
    document = index.model_dump(mode="json", by_alias=True)
    new = directory / f"{INDEX}.new"
    with new.open("w", encoding="utf-8") as out:
        out.write(json.dumps(document, indent=2) + "\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(directory / INDEX)


def read_part(directory: Path, part: Part) -> bytes:
    """The file of a part. Raises FeedError when it is not there or not the one that was imported."""
    path = directory / part.file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FeedError(f"{path} is gone: it was replaced by a later import, or removed") from None
    except OSError as error:
        raise FeedError(f"{path}: {error.strerror or error}") from None
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise FeedError(f"{path} is damaged: its sha256 is another; import the feed again")
    return data
