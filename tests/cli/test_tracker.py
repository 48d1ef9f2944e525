"""`secaudit tracker`: what its commands print and do, and what is wrong with a tracker file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from secaudit.config.errors import ConfigError
from secaudit.config.trackers import load_trackers
from secaudit.model.inventory import SecretKind
from secaudit.model.tracker import Grouping
from secaudit.store import Store, StoreError, open_store
from secaudit.store.tracker_issues import TrackedIssue
from tests.command_line import Run, command_line
from tests.export.trackers.fakes import FakeGitHub
from tests.store.scenes import WEB, a_result, scan

FILE = """\
customer: muster
tracker: github
url: http://127.0.0.1:1
project: acme/ops
secret: {env: TRACKER_TOKEN}
minimum: high
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in a directory with a store that holds one finding."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECAUDIT_TRACKERS", raising=False)
    monkeypatch.setenv("SECAUDIT_STORE", "store.sqlite")
    monkeypatch.setenv("TRACKER_TOKEN", "t0ken")
    monkeypatch.setattr("secaudit.export.trackers.desk.PAUSE", 0.0)
    with open_store("store.sqlite") as store:
        scan(store, 0, WEB, a_result(WEB))

    return command_line(capsys, "tracker")


@pytest.fixture
def fake(run: Run, httpserver: HTTPServer) -> FakeGitHub:
    """A tracker that the file names."""
    Path("trackers").mkdir()
    url = f"http://127.0.0.1:{httpserver.port}"
    Path("trackers/muster.yaml").write_text(FILE.replace("http://127.0.0.1:1", url))
    return FakeGitHub(httpserver)


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_the_plan_is_shown_and_nothing_done(run: Run, fake: FakeGitHub, dry: tuple[str, ...]) -> None:
    ended, out, err = run("sync", *dry)
    assert ended == 0
    assert "create" in out
    assert "Nothing was changed" in err
    assert not fake.rows


def test_apply_does_it_once_and_list_shows_it(run: Run, fake: FakeGitHub) -> None:
    ended, out, _ = run("sync", "--apply")
    assert (ended, "done: create 1 https://github.example/acme/ops/issues/1" in out) == (0, True)
    assert "nothing to do" in run("sync", "--apply", "--customer", "muster")[1]
    assert len(fake.rows) == 1
    (row,) = json.loads(run("list", "--json")[1])
    assert (row["customer"], row["issue"], row["state"]) == ("muster", "1", "open")
    assert json.loads(run("sync", "--json", "--apply")[1]) == []
    assert run("forget", "1")[0] == 0
    assert run("forget", "1")[0] == 2
    (action,) = json.loads(run("sync", "--json")[1])
    assert action["kind"] == "adopt"


def test_what_does_not_fit(run: Run, fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("sync", "--apply", "--dry-run")[0] == 2
    ended, _, err = run("sync", "--customer", "zettel")
    assert (ended, "no tracker of zettel" in err) == (2, True)
    monkeypatch.setenv("TRACKER_TOKEN", "s3cret")
    ended, _, err = run("sync")
    assert (ended, "status 401" in err, "s3cret" in err) == (3, True, False)


def test_a_tracker_in_trouble_does_not_keep_the_others_from_their_turn(
    run: Run, fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that does not answer nor one whose token is not there; each is told."""
    monkeypatch.setattr("secaudit.export.trackers.session.TRIES", 1)
    Path("trackers/adler.yaml").write_text(FILE.replace("muster", "adler"))
    Path("trackers/zettel.yaml").write_text(FILE.replace("muster", "zettel").replace("TRACKER_TOKEN", "NO_TOKEN"))
    with open_store("store.sqlite") as store:
        scan(store, 1, replace(WEB, customer="adler"), a_result(replace(WEB, customer="adler")))
    ended, out, err = run("sync", "--apply")
    assert ended == 3
    assert "done: create 1" in out
    adler, zettel = err.splitlines()
    assert adler.startswith("adler: GET http://127.0.0.1:1/repos/acme/ops/issues: ConnectError")
    assert zettel == "zettel: the environment variable NO_TOKEN is not set"
    assert len(fake.rows) == 1


def test_without_a_file(run: Run) -> None:
    ended, _, err = run("sync")
    assert (ended, "there is no tracker file" in err) == (2, True)


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "muster.yaml"
    path.write_text(
        FILE + "close_after: 3\npriorities: {high: P2}\nworkflow: {wont_fix: [wontfix]}\nca_file: ca.pem\n"
        "group: host\nevidence: false\n"
    )
    (config,) = load_trackers(path)
    assert config.secret is not None
    assert config.secret.kind is SecretKind.ENV
    assert (config.name, config.close_after, config.ca_file) == ("github", 3, str(tmp_path / "ca.pem"))
    assert config.workflow.wont_fix == {"wontfix"}
    assert (config.grouping, config.evidence) == (Grouping.HOST, False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("http://127.0.0.1:1", "http://tracker.example", "3:6: .*in the clear"),
        ("http://127.0.0.1:1", "https://user:pw@tracker.example", "is not the address"),
        ("{env: TRACKER_TOKEN}", "s3cret", "5:9: .*a password never stands in this file"),
        ("acme/ops", "ops", "is not written owner/name"),
        ("tracker: github", "tracker: redmine", "redmine needs workflow.close"),
        ("tracker: github", "tracker: github\napi: 3", "only Jira"),
        ("tracker: github", "tracker: github\nmarkup: markdown", "only Redmine"),
        ("minimum: high", "minimum: bad", "6:10"),
        ("minimum: high", "group: package", "6:8"),
        ("minimum: high", "evidence: maybe", "6:11"),
        ("minimum: high", "workflow: {close: Resolve Issue}", "write the number"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "muster.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(ConfigError, match=said) as caught:
        load_trackers(path)
    assert "s3cret" not in str(caught.value)


def test_a_customer_has_one_tracker(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(FILE)
    with pytest.raises(ConfigError, match=r"b\.yaml:1:11: customer 'muster' has a tracker already"):
        load_trackers(tmp_path)


def fill(count: int) -> None:
    """Let there be more findings to make issues of."""
    with open_store("store.sqlite") as store:
        scan(store, 1, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(count)))


def test_what_was_done_before_an_error_is_told_and_what_was_not(run: Run, fake: FakeGitHub) -> None:
    """Also what is left when many are; the next sync goes on where it ended."""
    fill(30)
    fake.breaks_at = 3
    ended, out, err = run("sync", "--apply")
    done = [line for line in out.splitlines() if line.startswith("    done: ")]
    left = [line for line in out.splitlines() if line.startswith("    not done: ")]
    assert ended == 3
    assert done == [f"    done: create {n} https://github.example/acme/ops/issues/{n}" for n in (1, 2)]
    assert len(left) == 21
    assert left[0].startswith("    not done: create - [high] web1: ")
    assert left[-1] == "    not done: 8 more"
    assert "status 500" in err
    ended, out, _ = run("sync", "--apply", "--json")
    steps = json.loads(out)
    assert ended == 0
    assert [(step["kind"], step["done"]) for step in steps if not step["done"]] == [("wait", False)]
    assert len(fake.rows) == 29


def test_json_tells_what_was_done_before_an_error(run: Run, fake: FakeGitHub) -> None:
    fill(3)
    fake.breaks_at = 2
    ended, out, err = run("sync", "--apply", "--json")
    assert (ended, "status 500" in err) == (3, True)
    assert [(step["done"], step["issue"]) for step in json.loads(out)] == [(True, "1"), (False, ""), (False, "")]


def test_a_store_that_cannot_be_written_ends_it_with_what_was_done(
    run: Run, fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(3)
    keep = Store.keep_issue

    def failing(self: Store, issue: TrackedIssue) -> None:
        if issue.issue == "2":
            raise StoreError("the disk is full")
        keep(self, issue)

    monkeypatch.setattr(Store, "keep_issue", failing)
    ended, out, err = run("sync", "--apply")
    assert (ended, err) == (2, "the disk is full\n")
    assert (out.count("    done: create"), out.count("    not done: create")) == (1, 2)
