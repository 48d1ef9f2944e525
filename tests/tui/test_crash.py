"""A defect ends the dashboard with exit code 4 and shows no locals; trouble of the store does not end it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import cast

import pytest
from textual.message import Message
from textual.pilot import Pilot

from secaudit.cli.main import run
from secaudit.store import Store, StoreError
from secaudit.tui.app import Dashboard
from secaudit.tui.findings.feed import Crashed, Feed
from secaudit.tui.findings.projection import Query
from secaudit.tui.source import Source
from tests.tui.scenes import NOW, app, drive, until


def broken(*_: object, **__: object) -> object:
    """Fails as a defect does, with something in its locals that nobody else may see."""
    answer = "-----BEGIN PRIVATE" + " KEY-----"
    raise ZeroDivisionError(len(answer))


@pytest.mark.parametrize("name", ["marker", "customers", "handling"])
@pytest.mark.parametrize("traceback", [False, True])
def test_a_crash_of_any_thread_is_exit_4_without_locals(
    name: str,
    traceback: bool,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("secaudit.tui.app.POLL_SECONDS", 0.05)
    monkeypatch.setattr(Store, name, broken)
    monkeypatch.setattr(Dashboard, "run", partialmethod(Dashboard.run, headless=True, size=(120, 40)))
    if name == "handling":
        # Asked by the thread of the findings, which only their screen starts.
        monkeypatch.setattr(Dashboard, "_polled", lambda self, _changed: self.action_page("findings"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if traceback:
        monkeypatch.setenv("SECAUDIT_TRACEBACK", "1")
    assert run(["ui", "--store", f"{tmp_path}/store.db"]) == 4
    told = "".join(capfd.readouterr())
    assert "ZeroDivisionError" in told
    assert "PRIVATE KEY" not in told
    assert "locals" not in told
    assert ("Traceback" in told) is traceback


def test_a_feed_that_breaks_says_so() -> None:
    posted: list[Message] = []
    feed = Feed(cast("Source", None), lambda: NOW, cast("Callable[[Message], object]", posted.append))
    feed.ask(Query())
    feed.start()
    feed._thread.join()
    assert isinstance(posted[-1], Crashed)


def test_a_worker_that_meets_trouble_of_the_store_does_not_end_the_dashboard(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> object:
        raise StoreError("the store is locked by another process")

    async def steps(pilot: Pilot[None]) -> None:
        monkeypatch.setattr("secaudit.tui.app.load_detail", locked)
        # Not `press`, which waits for the worker and would raise what it ended with.
        await pilot.press("2")
        await until(pilot, lambda: any("is locked" in note.message for note in app(pilot)._notifications))
        assert app(pilot).crash is None
        assert app(pilot).is_running

    drive(store, steps)
