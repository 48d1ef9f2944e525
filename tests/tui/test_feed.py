"""The thread behind the table: what is asked of an answer never meets the rows of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from queue import Queue
from typing import cast

from textual.message import Message

from secaudit.store.listing import FindingLine, Handling
from secaudit.tui.findings.feed import Feed, Found, FoundPage
from secaudit.tui.findings.projection import PAGE, Query
from secaudit.tui.source import Source
from tests.tui.scenes import NOW
from tests.tui.test_projection import line

WAIT = 20


class Lines:
    """As much of a source as the feed uses."""

    def __init__(self, lines: Sequence[FindingLine]) -> None:
        self.lines = lines

    def worst_lines(self, _customer: str | None, _host: str | None, limit: int) -> Sequence[FindingLine]:
        return self.lines[:limit]

    def handling(self) -> Mapping[str, Handling]:
        return {}

    def finding_lines(self, _resolved_since: datetime) -> Iterator[Sequence[FindingLine]]:
        yield self.lines

    def host_tags(self) -> Sequence[tuple[str, str, tuple[str, ...]]]:
        return ()


def whole(posted: Queue[Message]) -> tuple[Found, tuple[str, ...]]:
    """The next complete answer of a store that was read whole, and the fingerprints of its first page."""
    first: tuple[str, ...] = ()
    while True:
        found = posted.get(timeout=WAIT)
        if isinstance(found, Found):
            first = tuple(row.fingerprint for row in found.rows) or first
            if found.whole and found.loaded:
                return found, first


def test_reading_again_voids_what_was_asked_of_the_answer_before() -> None:
    source = Lines([line(number) for number in range(300)])
    posted: Queue[Message] = Queue()
    feed = Feed(cast("Source", source), lambda: NOW, posted.put)
    feed.start()
    try:
        feed.ask(Query())
        before, rows = whole(posted)
        assert "f0" in rows
        source.lines = [line(number + 1000) for number in range(300)]
        feed.reload()
        after, rows = whole(posted)
        assert (after.number > before.number, "f1000" in rows) == (True, True)
        called: Queue[int] = Queue()
        feed.want(before.number, 1, before.ids[PAGE : 2 * PAGE])
        feed.call(lambda _: called.put(1), of=before.number)
        feed.call(lambda _: called.put(2), of=after.number)
        feed.want(after.number, 1, after.ids[PAGE : 2 * PAGE])
        page = posted.get(timeout=WAIT)
        assert isinstance(page, FoundPage)
        assert (page.number, page.page) == (after.number, 1)
        assert all(int(row.fingerprint[1:]) >= 1000 for row in page.rows)
        assert called.get(timeout=WAIT) == 2, "calls are served in their order"
    finally:
        feed.close()


def test_a_question_that_waits_is_answered_instead_of_the_one_before() -> None:
    source = Lines([line(number) for number in range(5)])
    posted: Queue[Message] = Queue()
    feed = Feed(cast("Source", source), lambda: NOW, posted.put)
    feed.ask(Query())
    last = feed.ask(Query())
    feed.start()
    try:
        found, _ = whole(posted)
        assert found.number >= last
        assert len(found.ids) == 5
    finally:
        feed.close()
