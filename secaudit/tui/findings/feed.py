"""The thread behind the findings table: it answers the newest question first and never lets the interface wait.

Urgent before patient: a new question, then the pages in view (the newest request first), then the rest of an answer
once typing has paused, then reading the store. A new question interrupts the statement that serves an older one.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from textual.message import Message

from secaudit.model.errors import UserError
from secaudit.tui.filter.language import narrows
from secaudit.tui.filter.sql import Known
from secaudit.tui.findings.projection import PAGE, GroupRow, Projection, Query, Row
from secaudit.tui.source import Source

REST_AFTER = 0.08
"""Seconds without a new question after which the rest of an answer is worked out."""

FEW = 2000
"""Rows of a whole answer up to which a narrower question is answered from them."""

RESOLVED_FOR = timedelta(days=30)
"""How long a resolved finding is kept in the list, for `fixed`."""


class Found(Message):
    """The beginning of an answer, or with `whole` all of it. Not `loaded`: the store is still being read."""

    def __init__(self, number: int, ids: array[int], rows: tuple[Row, ...], *, whole: bool, loaded: bool) -> None:
        super().__init__()
        self.number = number
        self.ids = ids
        self.rows = rows
        self.whole = whole
        self.loaded = loaded


class FoundPage(Message):
    """The rows of one page of the answer `number`."""

    def __init__(self, number: int, page: int, rows: tuple[Row, ...]) -> None:
        super().__init__()
        self.number = number
        self.page = page
        self.rows = rows


class FoundGroups(Message):
    """The answer when groups were asked for."""

    def __init__(self, number: int, groups: tuple[GroupRow, ...], *, loaded: bool) -> None:
        super().__init__()
        self.number = number
        self.groups = groups
        self.loaded = loaded


class Failed(Message):
    """The store could not be read; what is shown is as of before."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Crashed(Message):
    """The thread has ended over a defect of ours; nothing is answered any more."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    page: int
    ids: array[int]


class Feed:
    """Owns the projection. `post` is called from the thread with the messages of this module."""

    def __init__(self, source: Source, now: Callable[[], datetime], post: Callable[[Message], object]) -> None:
        self._source = source
        self._now = now
        self._post = post
        self._projection = Projection()
        self._wake = threading.Condition()
        self._query: Query | None = None
        self._number = 0
        self._asked_at = 0.0
        self._pages: list[_Page] = []
        self._calls: list[tuple[int | None, Callable[[Projection], None]]] = []
        self._interruptible = False
        self._closed = False
        self._stale = True
        # The thread's own; nobody else touches these.
        self._load: Iterator[None] | None = None
        self._rest: tuple[int, Iterator[array[int]], array[int]] | None = None
        self._current: tuple[int, Query] | None = None
        self._few: tuple[Query, array[int]] | None = None
        self._loaded = False
        self._thread = threading.Thread(target=self._run, name="findings", daemon=True)

    def start(self) -> None:
        """Begin to read the store."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and wait for it."""
        with self._wake:
            self._closed = True
            self._interrupt()
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def ask(self, query: Query) -> int:
        """Replace the question; the number comes back with its answers, a greater one when the store was read again."""
        with self._wake:
            self._query = query
            self._number += 1
            self._asked_at = monotonic()
            self._pages.clear()
            self._interrupt()
            self._wake.notify()
            return self._number

    def want(self, number: int, page: int, ids: array[int]) -> None:
        """Ask for a page of the answer `number`."""
        with self._wake:
            self._pages.append(_Page(number, page, ids))
            self._wake.notify()

    def call(self, function: Callable[[Projection], None], of: int | None = None) -> None:
        """Run something with the projection in the thread, soon; it posts what comes of it itself.

        With `of` only while that is the number of the answer, whose ids the function uses.
        """
        with self._wake:
            self._calls.append((of, function))
            self._wake.notify()

    def reload(self) -> None:
        """Read the store again; what is there stays until that is done."""
        with self._wake:
            self._stale = True
            self._wake.notify()

    @property
    def known(self) -> Known:
        """The names that occur, for completion."""
        return self._projection.known

    def _interrupt(self) -> None:
        if self._interruptible:
            self._projection.interrupt()

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                job()
        except Exception as error:  # noqa: BLE001 - handed to the thread of the dashboard, which raises it
            self._post(Crashed(error))
        finally:
            self._projection.close()

    def _next(self) -> Callable[[], None] | None:
        """The most urgent thing to do, or None when it is over."""
        with self._wake:
            while not self._closed:
                if self._query is not None:
                    self._current, self._query = (self._number, self._query), None
                    return self._answer
                if self._pages:
                    page = self._pages.pop()
                    return lambda: self._send_page(page)
                if self._calls:
                    of, call = self._calls.pop(0)
                    return lambda: self._call(of, call)
                pause = REST_AFTER - (monotonic() - self._asked_at)
                if self._rest is not None and pause <= 0:
                    return self._go_on
                if self._load is not None or self._stale:
                    return self._read
                self._wake.wait(pause if self._rest is not None else None)
        return None

    def _answer(self) -> None:
        assert self._current is not None
        number, query = self._current
        self._rest = None
        self._projection.sort(query.sort)
        few, self._few = self._few, None
        among = few[1] if few is not None and _is_narrower(query, few[0]) else None
        self._interruptible = True
        try:
            if query.group is not None:
                self._post(FoundGroups(number, self._projection.groups(query, self._now()), loaded=self._loaded))
                return
            parts = self._projection.ids(query, self._now(), among)
            first = next(parts, array("L"))
            rows = self._projection.rows(first)
        except sqlite3.OperationalError:
            # Interrupted: a newer question waits.
            return
        finally:
            self._uninterruptible()
        whole = len(first) < PAGE
        if whole:
            self._few = (query, first)
        self._post(Found(number, first, rows, whole=whole, loaded=self._loaded))
        if not whole:
            self._rest = (number, parts, first)

    def _go_on(self) -> None:
        assert self._rest is not None
        number, parts, ids = self._rest
        self._interruptible = True
        try:
            part = next(parts, None)
        except sqlite3.OperationalError:
            self._rest = None
            return
        finally:
            self._uninterruptible()
        if part is None:
            self._rest = None
            if len(ids) <= FEW and self._current is not None:
                self._few = (self._current[1], ids)
            self._post(Found(number, ids, (), whole=True, loaded=self._loaded))
        else:
            self._rest = (number, parts, ids + part)

    def _uninterruptible(self) -> None:
        with self._wake:
            self._interruptible = False

    def _send_page(self, page: _Page) -> None:
        if self._current is not None and page.number == self._current[0]:
            self._post(FoundPage(page.number, page.page, self._projection.rows(page.ids)))

    def _call(self, of: int | None, function: Callable[[Projection], None]) -> None:
        if of is None or (self._current is not None and of == self._current[0]):
            function(self._projection)

    def _read(self) -> None:
        if self._load is None:
            self._stale = False
            self._load = self._reading()
        try:
            next(self._load)
        except StopIteration:
            self._load = None
        except UserError as error:
            self._load = None
            self._post(Failed(str(error)))

    def _reading(self) -> Iterator[None]:
        """Read the store, yielding in between; the first time show the worst before everything is there."""
        if not self._loaded:
            scope = self._current[1].scope if self._current is not None else Query().scope
            begun = Projection()
            begun.add(self._source.worst_lines(scope.customer, scope.host, PAGE), {}, self._now())
            self._settle(begun)
            yield
        whole = Projection()
        try:
            handling, now = self._source.handling(), self._now()
            for lines in self._source.finding_lines(now - RESOLVED_FOR):
                whole.add(lines, handling, now)
                yield
            whole.tag(self._source.host_tags())
        except BaseException:
            whole.close()
            raise
        self._loaded = True
        self._settle(whole)

    def _settle(self, read: Projection) -> None:
        """Answer from what was read from now on."""
        read.settle(self._current[1].sort if self._current is not None else Query().sort)
        self._rest = None
        self._few = None
        with self._wake:
            before, self._projection = self._projection, read
            answers = self._current is not None and self._query is None
            if self._current is not None and answers:
                # The same question anew: its ids are others, so what was asked of the answer before is void.
                self._number += 1
                self._current = (self._number, self._current[1])
        before.close()
        if answers:
            self._answer()


def _is_narrower(query: Query, than: Query) -> bool:
    """Whether the rows of one question are among those of the other, under the same ids."""
    alike = (query.scope, query.sort) == (than.scope, than.sort) and query.group is None
    return alike and narrows(query.terms, than.terms)
