"""How long a tracker is waited for: as it says, and within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from secaudit.export.trackers import session as sessions
from secaudit.export.trackers.desk import open_session
from secaudit.export.trackers.session import MAX_WAIT, TRIES, Session, TrackerError
from secaudit.export.trackers.waiting import is_limited, seconds_asked
from secaudit.model.tracker import TrackerKind
from tests.export.trackers.fakes import answer
from tests.export.trackers.scenes import BASE

NOW = {"date": "Tue, 24 Nov 2026 12:00:00 GMT"}
AT_NOON = 1795521600


@pytest.mark.parametrize(
    ("status", "headers", "attempt", "seconds"),
    [
        (429, {"retry-after": "7"}, 1, 7.0),
        (429, {"retry-after": " 0 "}, 1, 0.0),
        (429, {}, 1, 2.0),
        (502, {}, 3, 8.0),
        (429, {"retry-after": "Tue, 24 Nov 2026 12:00:45 GMT"}, 1, 45.0),
        (429, {"retry-after": "Tue, 24 Nov 2026 11:00:00 GMT"}, 1, 1.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT_NOON + 30)}, 1, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT_NOON - 30)}, 1, 1.0),
        (429, {"x-ratelimit-remaining": "12", "x-ratelimit-reset": str(AT_NOON + 30)}, 2, 4.0),
        (403, {"retry-after": "soon"}, 1, 60.0),
        (403, {"retry-after": "-3"}, 1, 60.0),
        (403, {"retry-after": "٣"}, 1, 60.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 30}, 1, 60.0),
        (429, {"retry-after": "9" * 400}, 1, 999999999.0),
    ],
)
def test_what_is_asked(status: int, headers: Mapping[str, str], attempt: int, seconds: float) -> None:
    assert seconds_asked(status, {**NOW, **headers}, attempt) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "body", "limited"),
    [
        (429, {}, b"", True),
        (403, {}, b"Forbidden", False),
        (403, {"retry-after": "1"}, b"", True),
        (403, {"x-ratelimit-remaining": "0"}, b"", True),
        (403, {"x-ratelimit-remaining": "17"}, b"", False),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit."}', True),
        (500, {"retry-after": "1"}, b"", False),
        (200, {"x-ratelimit-remaining": "0"}, b"", False),
    ],
)
def test_who_asks_too_much(status: int, headers: Mapping[str, str], body: bytes, limited: bool) -> None:
    assert is_limited(status, headers, body) is limited


def a_session(server: HTTPServer, waits: list[float], pause: float = 0.0) -> Session:
    """A session that notes how long it would sleep."""
    return Session(server.url_for("").rstrip("/"), {}, pause=pause, sleep=waits.append)


def busy(seconds: int) -> Response:
    """An answer that did nothing."""
    return answer({}, 429, {"Retry-After": str(seconds)})


def test_the_waits_of_one_request_are_bounded(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/issue").respond_with_response(busy(60))
    waits: list[float] = []
    with a_session(httpserver, waits) as session, pytest.raises(TrackerError, match="status 429") as caught:
        session.send("POST", "/issue", {})
    assert waits == [60.0] * (TRIES - 1)
    assert caught.value.is_refused, "nothing was created"


def test_the_waits_of_all_requests_are_bounded(httpserver: HTTPServer) -> None:
    """A tracker that lets every second request through after a minute is not followed for hours."""
    for _ in range(30):
        httpserver.expect_ordered_request("/issue").respond_with_response(busy(60))
        httpserver.expect_ordered_request("/issue").respond_with_json({"id": 1})
    waits: list[float] = []
    with a_session(httpserver, waits) as session:
        for _ in range(10):
            session.send("POST", "/issue", {})
        with pytest.raises(TrackerError, match="again and again") as caught:
            session.send("POST", "/issue", {})
    assert sum(waits) == sessions.PATIENCE
    assert caught.value.is_refused


def test_a_wait_that_is_too_long_is_not_begun(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/issue").respond_with_response(busy(int(MAX_WAIT) + 1))
    waits: list[float] = []
    with a_session(httpserver, waits) as session, pytest.raises(TrackerError, match="asks to wait 61 s; try again"):
        session.get("/issue")
    assert waits == []


def test_changes_keep_their_distance_and_questions_do_not(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secaudit.export.trackers.session.time", SimpleNamespace(monotonic=lambda: 50.0))
    httpserver.expect_request("/issue").respond_with_json({"id": 1})
    waits: list[float] = []
    with a_session(httpserver, waits, pause=1.0) as session:
        session.get("/issue")
        session.send("POST", "/issue", {})
        session.get("/issue")
        assert waits == []
        session.send("POST", "/issue", {})
        session.send("POST", "/issue", {})
    assert waits == [1.0, 1.0]


def test_github_is_given_time() -> None:
    """As its page on good practice asks; the others have no such rule."""
    with open_session(replace(BASE, kind=TrackerKind.GITHUB, url="http://127.0.0.1:1"), "t") as session:
        assert session._pause == 1.0
    with open_session(replace(BASE, url="http://127.0.0.1:1"), "t") as session:
        assert session._pause == 0.0


def test_what_moved_for_good_is_gone_and_what_asks_for_a_login_is_an_error(httpserver: HTTPServer) -> None:
    """GitHub answers 301 for an issue that was transferred; credentials follow nowhere."""
    for status in (301, 308):
        httpserver.expect_request(f"/{status}").respond_with_response(answer({}, status, {"Location": "/elsewhere"}))
    httpserver.expect_request("/302").respond_with_response(answer({}, 302, {"Location": "/login"}))
    with a_session(httpserver, []) as session:
        assert session.get_known("/301") is None
        assert session.get_known("/308") is None
        with pytest.raises(TrackerError, match="status 302"):
            session.get_known("/302")
        with pytest.raises(TrackerError, match="status 301"):
            session.get("/301")
    assert not any(request.path == "/elsewhere" for request, _ in httpserver.log)
