"""What each tracker is asked for, in one shape."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from secaudit.export.trackers.draft import Draft
from secaudit.export.trackers.session import TrackerError
from secaudit.model.tracker import MARKER, IssueState

T = TypeVar("T")

PAGE = 100
"""Issues that are asked for at a time; all of the trackers give as many."""
MOST_PAGES = 200
"""Pages of one list at most."""

_MARKER = re.compile(rf"{MARKER}: [0-9a-f]{{16}}")


@dataclass(frozen=True, slots=True)
class RemoteIssue:
    """An issue as the tracker has it. `changed` is its last change (aware UTC), None where that is not told.

    `trouble` says what went wrong although it was created; empty when nothing did.
    """

    key: str
    link: str
    state: IssueState
    changed: datetime | None = None
    is_acknowledged: bool = False
    trouble: str = ""


class Adapter(Protocol):
    """A tracker's REST interface. Every method raises TrackerError."""

    def find(self, marker: str) -> Sequence[RemoteIssue]:
        """The issues whose body or title holds the marker, the oldest first."""
        ...

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """The issues of many markers in few requests, by marker, of several the oldest."""
        ...

    def read(self, key: str) -> RemoteIssue | None:
        """An issue; None when there is none, or it is hidden from us."""
        ...

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Those of the issues that the tracker gives in few requests, by key; the others must be read one by one."""
        ...

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        ...

    def update(self, key: str, draft: Draft) -> None:
        """Give an issue a new title, text and priority."""
        ...

    def comment(self, key: str, text: str) -> None:
        """Add a comment; the text is ours and needs no escape."""
        ...

    def close(self, key: str, text: str) -> None:
        """Close an issue as done, and then say why, or both at once: not again and again where it is not closed."""
        ...

    def reopen(self, key: str, text: str) -> None:
        """Open a closed issue again, and say why as `close` does."""
        ...


def pages(what: str) -> Iterator[int]:
    """Numbers of pages from 0 on. Raises TrackerError where no end comes, rather than stop in the middle."""
    yield from range(MOST_PAGES)
    raise TrackerError(f"the tracker has more than {MOST_PAGES} pages of {what}; nothing was decided on a part of them")


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Items in parts of a `PAGE`."""
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


def by_marker(found: Iterable[tuple[object, RemoteIssue]], markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
    """Issues by those of the markers that stand in the text beside them, of several the first."""
    wanted = frozenset(markers)
    known: dict[str, RemoteIssue] = {}
    for text, issue in found:
        for marker in wanted.intersection(_MARKER.findall(str(text))):
            known.setdefault(marker, issue)
    return known


def moment_of(text: object) -> datetime | None:
    """A tracker's time as aware UTC; None for what is none. Times without a zone are taken for UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def mapping_of(value: object, what: str) -> dict[str, Any]:
    """The JSON object that a tracker should have answered with."""
    if not isinstance(value, dict):
        raise TrackerError(f"the tracker's answer holds no {what}")
    return value


def rows_of(value: object, what: str) -> list[dict[str, Any]]:
    """The JSON list of objects that a tracker should have answered with."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise TrackerError(f"the tracker's answer holds no list of {what}")
    return value


def key_of(row: dict[str, Any], name: str) -> str:
    """The key of an issue. Without it the issue could not be found again."""
    value = row.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise TrackerError(f"the tracker's answer has no {name!r}")
    return str(value)


def id_of(row: dict[str, Any], name: str) -> str:
    """The id inside of a nested object; empty when there is none."""
    inner = row.get(name)
    return str(inner.get("id", "")) if isinstance(inner, dict) else ""
