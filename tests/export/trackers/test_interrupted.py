"""A sync that ends in the middle: what is done stays done, and the next one goes on and repeats nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from secaudit.export.trackers.adapter import PAGE
from secaudit.export.trackers.desk import Desk
from secaudit.export.trackers.session import TrackerError
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.model.tracker import ActionKind, IssueAction
from secaudit.store import open_store
from tests.export.trackers.fakes import Fake, is_change
from tests.export.trackers.scenes import LATER, TRACKERS, Scene
from tests.store.scenes import WEB, a_result, scan

CREATE, UPDATE, CLOSE, REOPEN, COMMENT = (
    ActionKind.CREATE,
    ActionKind.UPDATE,
    ActionKind.CLOSE,
    ActionKind.REOPEN,
    ActionKind.COMMENT,
)
ISSUES = PAGE + 20


def results(failing: str, passing: str = "", critical: str = "") -> list[Result]:
    """A result for each letter."""
    worst = [replace(a_result(WEB, subject=name), severity=Severity.CRITICAL) for name in critical]
    fine = [a_result(WEB, subject=name, outcome=Outcome.PASSED) for name in passing]
    return [*worst, *(a_result(WEB, subject=name) for name in failing), *fine]


class Stage:
    """A store and a tracker that ask for one step of every kind, and as many copies of both as are wanted."""

    def __init__(self, name: str, folder: Path, server: HTTPServer) -> None:
        kind, config = TRACKERS[name]
        self._fake = kind(server)
        self._config = replace(config, url=server.url_for("").rstrip("/"))
        self._folder = folder
        self._numbers = count(1)
        with open_store(str(folder / "first.sqlite")) as store:
            scene = Scene(store, self._fake, self._config)
            scan(store, 0, WEB, *results("abcd"))
            assert scene.sync() == [CREATE] * 4
            keys = {str(row): key for key, row in self._fake.rows.items()}
            refused = next(key for text, key in keys.items() if "c failed" in text)
            self._fake.human_wont_fix(refused)
            scan(store, 1, WEB, *results("ad", "bc"))
            scan(store, 2, WEB, *results("ad", "bc"))
            assert scene.sync() == [CLOSE]
            scan(store, 3, WEB, *results("bcef", "d", "a"))
            scan(store, 4, WEB, *results("bcef", "d", "a"))
        self._rows = deepcopy(self._fake.rows)

    def played(self, breaks_at: int, *, late: bool) -> tuple[Scene, list[IssueAction]]:
        """A fresh copy of both whose sync ended at that change, and what it told was done."""
        path = self._folder / f"{next(self._numbers)}.sqlite"
        shutil.copy(self._folder / "first.sqlite", path)
        fake = self._fake
        fake.rows, fake.comments, fake.changes = deepcopy(self._rows), [], 0
        fake.breaks_at, fake.breaks_late = breaks_at, late
        fake.now = f"{LATER:%Y-%m-%dT%H:%M:%S}"
        store = open_store(str(path))
        scene = Scene(store, fake, self._config)
        done: list[IssueAction] = []
        with Desk(store, self._config, "", scene.session()) as desk:
            planned = desk.plan(LATER)
            assert Counter(action.kind for action in planned) == Counter(
                [CREATE, CREATE, UPDATE, CLOSE, REOPEN, COMMENT]
            )
            if breaks_at:
                with pytest.raises(TrackerError, match="status 500"):
                    desk.apply(planned, LATER, lambda _, taken: done.append(taken))
            else:
                desk.apply(planned, LATER, lambda _, taken: done.append(taken))
        return scene, done


def states(fake: Fake) -> Counter[tuple[str, bool]]:
    """What there is in a tracker: of each issue what it is about, and whether it is open."""
    found: Counter[tuple[str, bool]] = Counter()
    for key, row in fake.rows.items():
        (letter,) = (name for name in "abcdef" if f"{name} failed" in str(row) or f"{name} passed" in str(row))
        found[letter, fake.is_open(key)] += 1
    return found


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", ["jira", "github", "redmine"])
def test_wherever_a_sync_ends_the_next_goes_on(name: str, late: bool, tmp_path: Path, httpserver: HTTPServer) -> None:
    """An error at each change in turn, which the tracker has not made, or has made although it says otherwise."""
    stage = Stage(name, tmp_path, httpserver)
    whole, told = stage.played(0, late=False)
    changes, wanted = whole.fake.changes, states(whole.fake)
    spoken = Counter(key for key, _ in whole.fake.comments)
    assert (len(told), sum(wanted.values())) == (6, 6)
    assert changes >= 6
    whole.store.close()
    for number in range(1, changes + 1):
        scene, done = stage.played(number, late=late)
        assert len(done) < 6
        later = LATER
        while scene.sync_at(later):
            later += timedelta(minutes=11)
            assert later < LATER + timedelta(hours=1), "it ends"
        assert states(scene.fake) == wanted, number
        assert Counter(key for key, _ in scene.fake.comments) <= spoken, "nothing is said twice"
        scene.store.close()


@pytest.mark.parametrize("name", ["jira", "jira-cloud", "gitlab", "redmine"])
def test_many_new_issues_cost_hardly_more_than_their_creation(
    name: str, tmp_path: Path, httpserver: HTTPServer
) -> None:
    """Their markers are looked for a page at a time, and not each before it is created."""
    kind, config = TRACKERS[name]
    with open_store(str(tmp_path / "store.sqlite")) as store:
        scene = Scene(store, kind(httpserver), replace(config, url=httpserver.url_for("").rstrip("/")))
        scan(store, 0, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(ISSUES)))
        with Desk(store, scene.config, "", scene.session()) as desk:
            planned = desk.plan(LATER)
            desk.apply(planned, LATER)
        assert len(scene.fake.rows) == ISSUES
        questions = [request for request in scene.fake.seen if not is_change(request)]
        assert len(scene.fake.seen) - len(questions) == ISSUES
        assert len(questions) <= 7, [request.full_path for request in questions]
