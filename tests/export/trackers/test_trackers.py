"""The whole life of an issue in each tracker, and what goes wrong on the way."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from pytest_httpserver import HTTPServer
from werkzeug import Response

from secaudit.export.trackers.desk import Desk, open_session
from secaudit.export.trackers.details import sections_of
from secaudit.export.trackers.draft import Draft, Markup, draft_of, listed_of
from secaudit.export.trackers.planning import Topic, topics_of
from secaudit.export.trackers.session import TRIES, TrackerError
from secaudit.model.answer import Reach
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.model.tracker import ActionKind, Grouping, TrackerConfig, TrackerKind
from secaudit.store import Store, open_store
from secaudit.store.lifecycle import advance
from secaudit.store.tracker_issues import Grounds, TrackedIssue
from tests.export.trackers.fakes import FakeGitHub, answer
from tests.export.trackers.scenes import BASE, HOSTILE, LATER, TRACKERS, Scene
from tests.store.scenes import DB, START, WEB, a_result, scan, waived


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with open_store(str(tmp_path / "store.sqlite")) as opened:
        yield opened


@pytest.fixture(params=[name for name in TRACKERS if name != "redmine-markdown"])
def scene(request: pytest.FixtureRequest, store: Store, httpserver: HTTPServer) -> Scene:
    """Every tracker in turn."""
    kind, config = TRACKERS[request.param]
    return Scene(store, kind(httpserver), replace(config, url=httpserver.url_for("").rstrip("/")))


@pytest.fixture
def github(store: Store, httpserver: HTTPServer) -> Scene:
    """One tracker for what is the same with all."""
    kind, config = TRACKERS["github"]
    return Scene(store, kind(httpserver), replace(config, url=httpserver.url_for("").rstrip("/")))


def test_an_issue_lives_with_its_finding(scene: Scene) -> None:
    scene.scan(0)
    assert scene.sync() == [ActionKind.CREATE]
    assert scene.sync() == []
    scene.scan(1, severity=Severity.CRITICAL)
    assert scene.sync() == [ActionKind.UPDATE]
    assert scene.sync() == []
    assert "critical" in scene.fake.text("1")
    scene.scan(2, Outcome.PASSED)
    assert scene.sync() == [ActionKind.WAIT]
    scene.scan(3, Outcome.PASSED)
    assert scene.sync() == [ActionKind.CLOSE]
    assert not scene.fake.is_open("1")
    assert scene.sync() == []
    scene.scan(4)
    assert scene.sync() == [ActionKind.REOPEN]
    assert scene.fake.is_open("1")
    assert scene.sync() == []
    assert len(scene.fake.rows) == 1


def test_what_a_human_refuses_is_not_opened_again(scene: Scene) -> None:
    scene.scan(0)
    scene.sync()
    scene.fake.human_wont_fix("1")
    assert scene.sync() == []
    scene.scan(1, Outcome.PASSED)
    assert scene.sync() == []
    scene.scan(2)
    assert scene.sync() == [ActionKind.COMMENT]
    assert [key for key, _ in scene.fake.comments] == ["1"]
    assert scene.sync() == []
    assert len(scene.fake.rows) == 1


def test_a_lost_mapping_is_found_by_its_marker(scene: Scene) -> None:
    scene.scan(0)
    scene.sync()
    (issue,) = scene.store.tracked_issues("muster", "ours").values()
    scene.store.release_issue(issue)
    assert scene.sync() == [ActionKind.ADOPT]
    assert len(scene.fake.rows) == 1


def test_a_crash_between_create_and_record_makes_no_second_issue(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.scan(0)
    kept = Store.keep_issue

    def dying(self: Store, issue: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "keep_issue", dying)
    with pytest.raises(KeyboardInterrupt):
        scene.sync()
    monkeypatch.setattr(Store, "keep_issue", kept)
    assert len(scene.fake.rows) == 1
    assert scene.sync() == [ActionKind.ADOPT]
    assert len(scene.fake.rows) == 1


def test_an_unconfirmed_creation_waits_for_the_index_of_the_tracker(github: Scene) -> None:
    """The tracker took the request, the answer was lost, and the list does not show the issue yet."""
    github.scan(0)
    (topic,) = {action.topic for action in Desk(github.store, github.config, "", github.session()).plan(LATER)}
    github.fake.troubles = [answer([]), answer("broken", 500)]
    with Desk(github.store, github.config, "", github.session()) as desk, pytest.raises(TrackerError):
        desk.apply(desk.plan(LATER), LATER)
    assert list(github.store.tracked_issues("muster", "ours")) == [topic]
    with Desk(github.store, github.config, "", github.session()) as desk:
        assert [action.kind for action in desk.plan(LATER + timedelta(minutes=5))] == [ActionKind.WAIT]
        assert [action.kind for action in desk.plan(LATER + timedelta(minutes=11))] == [ActionKind.CREATE]


def test_two_syncs_do_not_take_over_one_creation(github: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both plan to create what was not confirmed long ago; the one that is second leaves it to the first."""
    github.scan(0)
    (topic,) = {action.topic for action in Desk(github.store, github.config, "", github.session()).plan(LATER)}
    old = TrackedIssue("muster", "ours", topic, LATER - timedelta(hours=1))
    assert github.store.claim_issue(old)
    assert not github.store.claim_issue(replace(old, began=LATER)), "it was noted by somebody"
    with Desk(github.store, github.config, "", github.session()) as desk:
        planned = desk.plan(LATER)
        assert [action.kind for action in planned] == [ActionKind.CREATE]
        draft = Desk._draft

        def late(self: Desk, found: Topic) -> Draft:
            monkeypatch.setattr(Desk, "_draft", draft)
            with Desk(github.store, github.config, "", github.session()) as other:
                assert [done.kind for done in other.apply(planned, LATER)] == [ActionKind.WAIT]
            return draft(self, found)

        monkeypatch.setattr(Desk, "_draft", late)
        desk.apply(planned, LATER)
    assert len(github.fake.rows) == 1


def test_a_refused_creation_is_forgotten(github: Scene) -> None:
    github.scan(0)
    github.fake.troubles = [answer([]), answer({"message": "Validation Failed"}, 422)]
    with pytest.raises(TrackerError, match="Validation Failed"):
        github.sync()
    assert not github.store.tracked_issues("muster", "ours")
    assert github.sync() == [ActionKind.CREATE]


def test_labels_that_are_dropped_are_told_and_the_issue_is_noted(github: Scene) -> None:
    assert isinstance(github.fake, FakeGitHub)
    github.fake.may_push = False
    github.scan(0)
    with pytest.raises(TrackerError, match="left out the label 'secaudit' of issue 1"):
        github.sync()
    assert github.sync() == []
    assert len(github.fake.rows) == 1


@pytest.mark.parametrize("reason", ["not_planned", "duplicate"])
def test_what_a_human_closed_without_having_done_it_stays_closed(github: Scene, reason: str) -> None:
    github.scan(0)
    github.sync()
    github.fake.rows["1"] |= {"state": "closed", "state_reason": reason}
    github.scan(1)
    assert github.sync() == []


def test_a_deleted_issue_is_left_to_a_human(scene: Scene) -> None:
    scene.scan(0)
    scene.sync()
    scene.fake.rows.clear()
    assert scene.sync() == [ActionKind.WAIT]
    assert not scene.fake.rows


def test_five_hundred_known_issues_cost_a_handful_of_requests(scene: Scene) -> None:
    """And a plan that finds nothing to change writes nothing, there and here."""
    scan(scene.store, 0, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(500)))
    scene.fill()
    noted = scene.store.tracked_issues("muster", "ours")
    scene.fake.seen.clear()
    assert scene.sync() == []
    assert len(noted) == len(scene.fake.rows) == 500
    assert len(scene.fake.seen) <= 6, [request.full_path for request in scene.fake.seen]
    questions = {"GET"} | ({"POST"} if scene.config.kind is TrackerKind.JIRA else set())
    assert {request.method for request in scene.fake.seen} <= questions
    assert scene.store.tracked_issues("muster", "ours") == noted


def test_a_store_that_lost_five_hundred_issues_finds_them_in_a_handful_of_requests(scene: Scene) -> None:
    """By their markers; and a plan for as many new findings asks no more."""
    scan(scene.store, 0, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(500)))
    scene.fake.seen.clear()
    with Desk(scene.store, scene.config, "", scene.session()) as desk:
        assert {action.kind for action in desk.plan(LATER)} == {ActionKind.CREATE}
        assert len(scene.fake.seen) <= 5
        topics = list(desk._topics())
    scene.fill()
    for issue in scene.store.tracked_issues("muster", "ours").values():
        scene.store.release_issue(issue)
    for row, topic in zip(scene.fake.rows.values(), topics, strict=True):
        scene.fake.mark(row, topic)
    scene.fake.seen.clear()
    assert scene.sync() == [ActionKind.ADOPT] * 500
    assert len(scene.fake.seen) <= 10, [request.full_path for request in scene.fake.seen]
    keys = {issue.issue for issue in scene.store.tracked_issues("muster", "ours").values()}
    assert len(keys) == 500


def test_what_is_not_among_many_is_asked_for_alone(scene: Scene) -> None:
    scan(scene.store, 0, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(5)))
    scene.fill()
    del scene.fake.rows["3"]
    scene.fake.seen.clear()
    assert scene.sync() == [ActionKind.WAIT]
    assert sum("3" in request.path.removesuffix(".json").rpartition("/")[2] for request in scene.fake.seen) >= 1
    assert len(scene.fake.seen) <= 3


def test_a_jira_that_refuses_a_list_is_asked_one_by_one(httpserver: HTTPServer, store: Store) -> None:
    """Whatever makes a server refuse the search: the issues are still known."""
    kind, config = TRACKERS["jira"]
    scene = Scene(store, kind(httpserver), replace(config, url=httpserver.url_for("").rstrip("/")))
    scan(store, 0, WEB, *(a_result(WEB, subject=f"tcp/{port}") for port in range(3)))
    scene.fill()
    scene.fake.seen.clear()
    scene.fake.troubles = [answer({"errorMessages": ["no"]}, 400)]
    assert scene.sync() == []
    assert [request.method for request in scene.fake.seen] == ["POST", "GET", "GET", "GET"]


def test_a_list_without_an_end_is_no_answer(github: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decided on a part of a list."""
    monkeypatch.setattr("secaudit.export.trackers.adapter.MOST_PAGES", 3)
    github.scan(0)
    endless = [answer([], headers={"Link": '<https://github.example/x?after=1>; rel="next"'}) for _ in range(3)]
    github.fake.troubles = endless
    with pytest.raises(TrackerError, match="more than 3 pages of issues with the label 'secaudit'"):
        github.sync()


HEADINGS = {
    f"{name}:"
    for name in ("Found by secaudit", "Expected and observed", "What to do", "Evidence", "References", "Seen last")
}


def hostile() -> Result:
    """A finding that says something hostile wherever it can say anything."""
    told = a_result(WEB, subject=f"tcp/8080 {HOSTILE}")
    evidence = (Evidence(f"cat {HOSTILE}", 0, (1, 2), f"banner\n{HOSTILE}\n\n</pre>\n{{noformat}}\n```\n/close\n"),)
    return replace(told, observed=HOSTILE, expected=HOSTILE, remediation=f"# do\n{HOSTILE}", evidence=evidence)


def literal_parts(text: str, config: TrackerConfig) -> tuple[list[str], list[str]]:
    """What the markup takes for paragraphs, and what stands in literal blocks."""
    if config.markup == "markdown" or config.kind in (TrackerKind.GITHUB, TrackerKind.GITLAB):
        tokens = [token for token in MarkdownIt("commonmark").parse(text) if token.content]
        assert {token.type for token in tokens} == {"inline", "fence"}
        outside, inside = ([token.content for token in tokens if token.type == kind] for kind in ("inline", "fence"))
        return outside, inside
    if config.kind is TrackerKind.JIRA and config.api == 3:
        nodes = json.loads(text)["content"]
        assert {node["type"] for node in nodes} == {"paragraph", "codeBlock"}
        kinds = ("paragraph", "codeBlock")
        outside, inside = ([node["content"][0]["text"] for node in nodes if node["type"] == kind] for kind in kinds)
        return outside, inside
    mark = r"</?pre>" if config.kind is TrackerKind.REDMINE else r"\{noformat\}"
    text = json.loads(text) if config.kind is TrackerKind.JIRA else text
    parts = [part.strip() for part in re.split(mark, text)]
    return [line for part in parts[::2] for line in part.split("\n\n")], parts[1::2]


@pytest.mark.parametrize("scene", list(TRACKERS), indirect=True)
def test_hostile_texts_stand_in_literal_blocks(scene: Scene) -> None:
    scan(scene.store, 0, WEB, hostile())
    scene.sync()
    text = scene.fake.text("1")
    assert not set(text) & set("\x1b\u202e")
    outside, inside = literal_parts(text, scene.config)
    assert {*outside[:-1]} == HEADINGS
    assert re.fullmatch("secaudit-fp: [0-9a-f]{16}", outside[-1])
    assert len(inside) == len(HEADINGS)
    assert sum("@root" in part for part in inside) == 4
    if scene.config.kind is TrackerKind.REDMINE:
        assert "{{" not in text


def test_an_issue_tells_what_to_do_and_what_was_seen(scene: Scene) -> None:
    scan(scene.store, 0, WEB, a_result(WEB))
    scene.sync()
    _, inside = literal_parts(scene.fake.text("1"), scene.config)
    _, *details = [part.strip("\n") for part in inside]
    assert details == [
        "expected:  22, 80\nobserved:  8080 open",
        "Close it.",
        "ss -tln  (exit 0, lines 3-4)\n    LISTEN 0.0.0.0:8080\nuptime",
        "cis-v8 4.4, 4.5\npci-4.0 1.2.5",
        "2026-11-20 01:00 UTC, in the run run-0",
    ]


def test_excerpts_stay_here_when_the_file_says_so(scene: Scene) -> None:
    scene.config = replace(scene.config, evidence=False)
    scan(scene.store, 0, WEB, a_result(WEB))
    scene.sync()
    assert "LISTEN" not in scene.fake.text("1")
    assert "Close it." in scene.fake.text("1")


def test_what_every_scan_changes_is_no_reason_for_an_update(scene: Scene) -> None:
    scan(scene.store, 0, WEB, a_result(WEB))
    scene.sync()
    other = (Evidence("ss -tln", 0, (9, 9), "LISTEN 0.0.0.0:8080 pid=4711"),)
    scan(scene.store, 1, WEB, replace(a_result(WEB), evidence=other, observed="another word"))
    assert scene.sync() == []
    scan(scene.store, 2, WEB, replace(a_result(WEB), evidence=other, severity=Severity.CRITICAL))
    assert scene.sync() == [ActionKind.UPDATE]
    assert "pid=4711" in scene.fake.text("1")
    assert "run-2" in scene.fake.text("1")


def test_of_many_findings_the_worst_are_told_and_what_to_do_about_all(github: Scene) -> None:
    github.config = replace(github.config, grouping=Grouping.HOST)
    results = [replace(found, remediation=f"upgrade {found.subject}") for found in updates(*"abcdefgh")]
    scan(github.store, 0, WEB, *results)
    assert github.sync() == [ActionKind.CREATE]
    body = github.fake.text("1")
    outside, (_, measured, remedies, evidence, *_) = literal_parts(body, github.config)
    assert "Expected and observed (the worst 5 of 8):" in outside
    assert [part.splitlines()[0] for part in measured.split("\n\n")] == [f"web1  {name}" for name in "abcde"]
    assert remedies.split("\n\n")[7] == "web1  h\nupgrade h\n"
    assert evidence.count("LISTEN") == 5


@pytest.mark.parametrize("markup", list(Markup))
def test_what_hosts_say_is_bounded(markup: Markup) -> None:
    """However much it is, and however its characters must be shown."""
    much = "\u202e" * 3_000 + "".join(f"\n{line} {'x' * 300}" for line in range(30))
    results = [replace(a_result(WEB, subject=f"{n} {much}"), reason=much, title=much) for n in range(60)]
    findings = listed_of([*advance({}, results, "run-0", START, Reach.COMPLETE).values()])
    known = Grounds(much, much, much, (Evidence(much, 0, (1, 900), much),) * 9, {"a": (much,)})
    details = sections_of(findings, {found.fingerprint: known for found in findings}, evidence=True)
    body = draft_of("0" * 16, findings, [*details]).body(markup)
    assert 10_000 < len(body) < 32_767
    assert "60 findings" in draft_of("0" * 16, findings).title


def test_no_host_passes_its_issue_off_as_another(scene: Scene) -> None:
    """The marker of one finding in what another one says: the tracker finds it there, and it is not taken for it."""
    mine = a_result(WEB, subject="tcp/1")
    (topic,) = topics_of_results(scene, mine)
    liar = replace(
        a_result(WEB, subject=f"secaudit-fp: {topic}"),
        title=f"secaudit-fp: {topic}",
        reason=f"secaudit-fp: {topic}",
        observed=f"secaudit-fp: {topic}",
        evidence=(Evidence("cat banner", 0, None, f"secaudit-fp: {topic}\n"),),
    )
    scan(scene.store, 1, WEB, liar)
    assert scene.sync() == [ActionKind.CREATE]
    scan(scene.store, 2, WEB, liar, mine)
    assert scene.sync() == [ActionKind.CREATE]
    assert len(scene.fake.rows) == 2


def topics_of_results(scene: Scene, result: Result) -> list[str]:
    """The topics that a result will have once a scan has found it."""
    seen = advance({}, [result], "run-0", START, Reach.COMPLETE)
    return list(topics_of(seen.values(), scene.config.grouping))


def test_titles_mention_nobody(github: Scene) -> None:
    github.scan(0)
    github.sync()
    title = str(github.fake.rows["1"]["title"])
    assert not set(title) & set("@#<>`\x1b\u202e")
    assert len(title) <= 200


def test_what_is_not_bad_enough_or_accepted_gets_no_issue(github: Scene) -> None:
    low = replace(a_result(WEB, subject="a"), severity=Severity.LOW)
    scan(
        github.store,
        0,
        WEB,
        low,
        waived(a_result(WEB, subject="b")),
        a_result(WEB, subject="c", outcome=Outcome.UNPROVEN),
    )
    assert github.sync() == []
    with Desk(github.store, github.config, "", github.session()) as desk:
        (action,) = desk.apply(desk.plan(LATER, [low.fingerprint]), LATER)
    assert (action.kind, action.issue) == (ActionKind.CREATE, "1")
    assert action.link == "https://github.example/acme/ops/issues/1"


def test_one_issue_for_a_package_on_all_hosts(github: Scene) -> None:
    github.config = replace(github.config, grouping=Grouping.CONTROL)
    scan(github.store, 0, WEB, a_result(WEB, subject="openssl"))
    scan(github.store, 1, DB, a_result(DB, subject="openssl"), a_result(DB, subject="bash"))
    assert github.sync() == [ActionKind.CREATE] * 2
    titles = sorted(str(row["title"]).partition(":")[0] for row in github.fake.rows.values())
    assert titles == ["[high] 2 hosts", "[high] db1"]
    scan(github.store, 2, WEB, a_result(WEB, subject="openssl", outcome=Outcome.PASSED))
    assert github.sync() == [ActionKind.UPDATE]
    scan(github.store, 3, DB, a_result(DB, subject="openssl", outcome=Outcome.PASSED))
    assert ActionKind.CLOSE not in github.sync(), "db1 has one clear scan only"


def updates(*packages: str, outcome: Outcome = Outcome.FAILED) -> list[Result]:
    """Pending updates of one host."""
    return [a_result(WEB, "pending-updates", package, outcome) for package in packages]


def test_one_issue_for_all_updates_of_a_host(github: Scene) -> None:
    github.config = replace(github.config, grouping=Grouping.HOST)
    scan(github.store, 0, WEB, *updates("bash", "openssl", "zlib"), a_result(WEB))
    assert github.sync() == [ActionKind.CREATE] * 2
    title = "[high] web1: 3 findings of pending-updates: bash failed"
    (issue,) = (row for row in github.fake.rows.values() if row["title"] == title)
    assert "host:      web1  openssl  high, failed" in issue["body"]
    _, inside = literal_parts(issue["body"], github.config)
    assert inside[1].count("observed:") == 3
    assert inside[2] == "Close it.\n", "the same remedy is told once"
    scan(github.store, 1, WEB, *updates("bash", "openssl"), *updates("zlib", outcome=Outcome.PASSED), a_result(WEB))
    assert github.sync() == [ActionKind.UPDATE]
    assert "zlib  high, resolved" in issue["body"]
    scan(github.store, 2, WEB, *updates("bash", "openssl", outcome=Outcome.PASSED), a_result(WEB))
    assert github.sync() == [ActionKind.WAIT], "each of them is gone, the last one since one scan"
    scan(github.store, 3, WEB, *updates("bash", outcome=Outcome.PASSED), a_result(WEB))
    assert github.sync() == [ActionKind.CLOSE]
    assert issue["state"] == "closed"
    scan(github.store, 40, WEB, *updates("curl"), a_result(WEB))
    assert github.sync() == [ActionKind.REOPEN]
    assert "curl" in issue["body"]
    assert "openssl" not in issue["body"], "what was mended before is not listed again"


def test_what_is_new_in_an_issue_that_a_human_refused_is_said_there_once(github: Scene) -> None:
    github.config = replace(github.config, grouping=Grouping.HOST)
    scan(github.store, 0, WEB, *updates("bash", "openssl"))
    github.sync()
    github.fake.human_wont_fix("1")
    assert github.sync() == []
    scan(github.store, 1, WEB, *updates("bash", "openssl", "zlib"))
    assert github.sync() == [ActionKind.COMMENT]
    assert github.sync() == []
    ((_, said),) = github.fake.comments
    assert said.startswith("secaudit: findings of it are new or back (1), and somebody decided")
    assert not github.fake.is_open("1")


def test_a_busy_tracker_is_asked_again_when_it_says(github: Scene) -> None:
    github.scan(0)
    busy, forbidden = answer({}, 429, {"Retry-After": "7"}), answer({}, 403, {"Retry-After": "3"})
    github.fake.troubles = [busy, answer({}, 502), forbidden]
    assert github.sync() == [ActionKind.CREATE]
    assert github.waits == [7.0, 4.0, 3.0]
    github.fake.troubles = [answer({}, 429, {"Retry-After": "3600"})]
    with pytest.raises(TrackerError, match="asks to wait 3600 s"):
        github.sync()


def test_what_changes_something_is_not_sent_twice(github: Scene) -> None:
    session = github.session()
    github.fake.troubles = [answer({}, 502)] * TRIES
    with session, pytest.raises(TrackerError, match="status 502") as caught:
        session.send("POST", "/repos/acme/ops/issues", {"title": "x"})
    assert not caught.value.is_refused
    assert len(github.fake.seen) == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Response(b"<html>", 200), "not JSON"),
        (answer({"no": "list"}), "no list of issues"),
        (answer(None, 302, {"Location": "http://elsewhere.invalid/"}), "status 302"),
        (answer({"message": "\x1b[31mevil\u202e"}, 400), r"\\u001b"),
    ],
)
def test_answers_that_are_none(github: Scene, trouble: Response, said: str) -> None:
    github.scan(0)
    github.fake.troubles = [trouble]
    with pytest.raises(TrackerError, match=said) as caught:
        github.sync()
    assert "\x1b" not in str(caught.value)


def test_secrets_stay_out_of_errors(scene: Scene) -> None:
    scene.scan(0)
    with pytest.raises(TrackerError, match="401") as caught:
        scene.sync("s3cret-and-wrong")
    assert "s3cret" not in str(caught.value)
    assert not scene.store.tracked_issues("muster", "ours")


def test_a_tracker_that_is_away(store: Store) -> None:
    config = replace(TRACKERS["github"][1], url="http://127.0.0.1:9")
    scene = Scene(store, None, config)  # type: ignore[arg-type]
    scene.scan(0)
    with pytest.raises(TrackerError, match="ConnectError"):
        scene.sync()
    assert scene.waits == [1.0, 2.0, 4.0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for but itself, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    argv += ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path)]
    made = subprocess.run(argv, capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + made.stdout)
    return path


@pytest.fixture
def over_tls(certificate: Path) -> Iterator[HTTPServer]:
    """A server that shows the certificate and answers one question."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/issue").respond_with_json({"id": 1})
        yield server


def test_a_certificate_that_nobody_vouches_for_is_refused(over_tls: HTTPServer) -> None:
    with open_session(replace(BASE, url=over_tls.url_for("").rstrip("/")), "t0ken") as session:
        session._sleep = lambda _seconds: None
        with pytest.raises(TrackerError, match="ConnectError"):
            session.get("/issue")
    assert over_tls.log == [], "not even the credentials went there"


def test_a_certificate_is_taken_when_the_configuration_vouches_for_it(over_tls: HTTPServer, certificate: Path) -> None:
    config = replace(BASE, url=over_tls.url_for("").rstrip("/"), ca_file=str(certificate))
    with open_session(config, "t0ken") as session:
        assert session.get("/issue").data == {"id": 1}


def test_an_issue_that_moved_to_another_repository_is_left_to_a_human(github: Scene) -> None:
    """GitHub answers 301, and the rest of the sync goes on."""
    github.scan(0)
    github.sync()
    moved = answer(
        {"message": "Moved Permanently"}, 301, {"Location": "https://elsewhere.invalid/repositories/8/issues/1"}
    )
    github.fake.troubles = [moved]
    assert github.sync() == [ActionKind.WAIT]


def test_what_is_left_of_a_moved_issue_is_not_opened_again(store: Store, httpserver: HTTPServer) -> None:
    """GitLab closes it and says where it went; who wants one here again says `forget`."""
    kind, config = TRACKERS["gitlab"]
    scene = Scene(store, kind(httpserver), replace(config, url=httpserver.url_for("").rstrip("/")))
    scene.scan(0)
    scene.sync()
    scene.fake.rows["1"] |= {"state": "closed", "moved_to_id": 77}
    scene.scan(1)
    assert scene.sync() == [ActionKind.WAIT]
    (issue,) = store.tracked_issues("muster", "ours").values()
    store.release_issue(issue)
    assert scene.sync() == [ActionKind.CREATE]
    scene.fake.rows["1"]["state"] = "opened"
    assert scene.sync() == [], "the new one stands for it"


def test_what_a_human_opens_again_stays_open(scene: Scene) -> None:
    """Also when the finding is gone; and what one closes too early is opened by the next scan only."""
    scene.scan(0)
    scene.sync()
    scene.scan(1, Outcome.PASSED)
    scene.scan(2, Outcome.PASSED)
    assert scene.sync() == [ActionKind.CLOSE]
    with Desk(scene.store, scene.config, "", scene.session()) as desk:
        (issue,) = scene.store.tracked_issues("muster", "ours").values()
        desk._adapter.reopen(issue.issue, "not done")
        assert scene.sync() == []
        assert scene.fake.is_open("1")
