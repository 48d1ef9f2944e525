"""Trackers of a few dozen lines that answer as the real ones do, over real HTTP (pytest-httpserver)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

UPDATED = "2026-11-20T02:00:00"
"""When people last touched every issue: after the first scan of a scene, before its second."""

Row = dict[str, Any]


def answer(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = b"" if data is None else json.dumps(data).encode()
    return Response(body, status, headers, content_type="application/json")


def is_change(request: Request) -> bool:
    """Whether a request is more than a question; Jira takes long questions by POST."""
    return request.method != "GET" and request.path.rpartition("/")[2] not in ("search", "jql", "bulkfetch")


class Fake:
    """Issues by key, and every request in order. Subclasses say how a tracker shows and changes them.

    A comment changes an issue, at the time `now`. The change number `breaks_at` (from 1 on) is answered with an error;
    with `breaks_late` it is made all the same.
    """

    def __init__(self, server: HTTPServer) -> None:
        self.rows: dict[str, Row] = {}
        self.comments: list[tuple[str, str]] = []
        self.seen: list[Request] = []
        self.troubles: list[Response] = []
        self.now = UPDATED
        self.changes = 0
        self.breaks_at = 0
        self.breaks_late = False
        server.expect_request(re.compile(".*")).respond_with_handler(self._handle)

    def _handle(self, request: Request) -> Response:
        self.seen.append(request)
        request.get_data()
        if self.troubles:
            return self.troubles.pop(0)
        if not self.is_welcome(request):
            return answer({"message": "Unauthorized"}, 401)
        self.changes += is_change(request)
        is_broken = is_change(request) and self.changes == self.breaks_at
        if is_broken and not self.breaks_late:
            return answer("broken", 500)
        done = self._act(request)
        return answer("broken", 500) if is_broken else done

    def _act(self, request: Request) -> Response:
        for method, pattern, act in self.routes():
            found = re.fullmatch(pattern, request.path)
            if found and request.method == method:
                return act(request, *found.groups())
        return answer({"message": f"no route {request.method} {request.path}"}, 404)

    def is_welcome(self, request: Request) -> bool:
        """Whether the credentials are right."""
        raise NotImplementedError

    def routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        """Method, pattern of the path, and what is done."""
        raise NotImplementedError

    def copy(self, key: str, count: int) -> list[str]:
        """Let there be `count` issues like the only one; returns their keys as the adapter names them."""
        (row,) = self.rows.values()
        for number in range(1, count + 1):
            names = {"number": number, "iid": number, "id": number, "key": f"OPS-{number}"}
            copy = deepcopy(row) | {name: value for name, value in names.items() if name in row}
            self.rows[str(number)] = copy
        return [key.replace("1", str(number)) for number in range(1, count + 1)]

    def mark(self, row: Row, topic: str) -> None:
        """Give an issue the marker of a topic instead of its own."""
        fields = row.get("fields", row)
        for name in ("title", "subject", "body", "description"):
            if name in fields:
                text = json.dumps(fields[name])
                fields[name] = json.loads(re.sub(r"secaudit-fp: [0-9a-f]{16}", f"secaudit-fp: {topic}", text))

    def human_wont_fix(self, key: str) -> None:
        """What a human does who decides that nothing will be done."""
        raise NotImplementedError

    def is_open(self, key: str) -> bool:
        """Whether an issue is open."""
        raise NotImplementedError

    def text(self, key: str) -> str:
        """The body of an issue as it was sent."""
        raise NotImplementedError


class FakeGitHub(Fake):
    """Issues and pull requests of one repository. Who may not push creates issues, and labels are dropped silently."""

    may_push = True

    def is_welcome(self, request: Request) -> bool:
        return request.headers.get("Authorization") == "Bearer t0ken"

    def routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        root = "/repos/acme/ops/issues"
        return [
            ("GET", root, self._list),
            ("POST", root, self._create),
            ("GET", rf"{root}/(\d+)", lambda _, key: answer(self.rows[key]) if key in self.rows else answer({}, 404)),
            ("PATCH", rf"{root}/(\d+)", self._patch),
            ("POST", rf"{root}/(\d+)/comments", self._comment),
        ]

    def _list(self, request: Request) -> Response:
        """By cursor, as large repositories demand; the first page is full of pull requests, which are issues too."""
        start, per = int(request.args.get("after", "0")), int(request.args["per_page"])
        pulls = [{"number": 9000 + n, "body": "secaudit-fp:", "pull_request": {}, "state": "open"} for n in range(100)]
        marked = [row for row in self.rows.values() if {"name": request.args["labels"]} in row["labels"]]
        rows = [*pulls, *marked]
        links = [f'<https://elsewhere.invalid/repositories/7/issues?per_page={per}&after=0>; rel="first"']
        if start + per < len(rows):
            query = f"per_page={per}&labels={request.args['labels']}&after={start + per}"
            links.insert(0, f'<https://elsewhere.invalid/repositories/7/issues?{query}>; rel="next"')
        return answer(rows[start : start + per], headers={"Link": ", ".join(links)})

    def _create(self, request: Request) -> Response:
        sent = request.get_json()
        key = str(len(self.rows) + 1)
        self.rows[key] = {
            "number": int(key),
            "html_url": f"https://github.example/acme/ops/issues/{key}",
            "state": "open",
            "state_reason": None,
            "updated_at": f"{UPDATED}Z",
            **sent,
            "labels": [{"name": label} for label in sent["labels"] if self.may_push],
        }
        return answer(self.rows[key], 201)

    def _patch(self, request: Request, key: str) -> Response:
        sent = request.get_json()
        if "labels" in sent:
            sent["labels"] = [{"name": label} for label in sent["labels"]]
        self.rows[key] |= sent
        return answer(self.rows[key])

    def _comment(self, request: Request, key: str) -> Response:
        self.comments.append((key, request.get_json()["body"]))
        self.rows[key]["updated_at"] = f"{self.now}Z"
        return answer({"id": 1}, 201)

    def human_wont_fix(self, key: str) -> None:
        self.rows[key] |= {"state": "closed", "state_reason": "not_planned"}

    def is_open(self, key: str) -> bool:
        return bool(self.rows[key]["state"] == "open")

    def text(self, key: str) -> str:
        return str(self.rows[key]["body"])


class FakeGitLab(Fake):
    """Issues of one project."""

    def is_welcome(self, request: Request) -> bool:
        return request.headers.get("PRIVATE-TOKEN") == "t0ken"

    def routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        root = "/api/v4/projects/acme/ops/issues"
        return [
            ("GET", root, self._search),
            ("POST", root, self._create),
            ("GET", rf"{root}/(\d+)", lambda _, key: answer(self.rows[key]) if key in self.rows else answer({}, 404)),
            ("PUT", rf"{root}/(\d+)", self._put),
            ("POST", rf"{root}/(\d+)/notes", self._note),
        ]

    def _search(self, request: Request) -> Response:
        if "iids[]" in request.args:
            assert request.args["per_page"] == "100"
            wanted = [self.rows[key] for key in request.args.getlist("iids[]") if key in self.rows]
            return answer(wanted[:100], 200, {"X-Next-Page": ""})
        rows = [row for row in self.rows.values() if request.args["search"] in row["description"]]
        # What only looks alike comes first; the search of GitLab is no exact one.
        rows = [{"iid": 99, "description": "secaudit-fp: no", "state": "opened"}, *rows]
        page, per = int(request.args["page"]), int(request.args["per_page"])
        following = str(page + 1) if page * per < len(rows) else ""
        return answer(rows[(page - 1) * per : page * per], 200, {"X-Next-Page": following})

    def _create(self, request: Request) -> Response:
        sent = request.get_json()
        key = str(len(self.rows) + 1)
        self.rows[key] = {
            "id": 5000 + int(key),
            "iid": int(key),
            "web_url": f"https://gitlab.example/acme/ops/-/issues/{key}",
            "state": "opened",
            "updated_at": f"{UPDATED}.000Z",
            **sent,
            "labels": sent["labels"].split(","),
        }
        return answer(self.rows[key], 201)

    def _put(self, request: Request, key: str) -> Response:
        sent = request.get_json()
        row = self.rows[key]
        if event := sent.pop("state_event", None):
            row["state"] = {"close": "closed", "reopen": "opened"}[event]
        gone = set(sent.pop("remove_labels", "").split(","))
        added = [label for label in sent.pop("add_labels", "").split(",") if label]
        row["labels"] = [label for label in row["labels"] if label not in gone] + added
        row |= sent
        return answer(row)

    def _note(self, request: Request, key: str) -> Response:
        self.comments.append((key, request.get_json()["body"]))
        self.rows[key]["updated_at"] = f"{self.now}.000Z"
        return answer({"id": 1}, 201)

    def human_wont_fix(self, key: str) -> None:
        self.rows[key] |= {"state": "closed", "labels": [*self.rows[key]["labels"], "wontfix"]}

    def is_open(self, key: str) -> bool:
        return bool(self.rows[key]["state"] == "opened")

    def text(self, key: str) -> str:
        return str(self.rows[key]["description"])


class FakeRedmine(Fake):
    """Issues of one project; status 1 is new, 5 closed, 6 rejected."""

    def is_welcome(self, request: Request) -> bool:
        return request.headers.get("X-Redmine-API-Key") == "t0ken"

    def routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        return [
            ("GET", "/issues.json", self._search),
            ("POST", "/issues.json", self._create),
            ("GET", r"/issues/(\d+)\.json", self._read),
            ("PUT", r"/issues/(\d+)\.json", self._put),
        ]

    def _search(self, request: Request) -> Response:
        assert request.args["status_id"] == "*", "closed ones are left out otherwise"
        if "issue_id" in request.args:
            keys = request.args["issue_id"].split(",")
            rows = [self.rows[key] for key in keys if key in self.rows]
        else:
            wanted = request.args["subject"].removeprefix("~")
            rows = [row for row in self.rows.values() if wanted in row["subject"]]
        start, limit = int(request.args.get("offset", "0")), min(100, int(request.args["limit"]))
        page = rows[start : start + limit]
        return answer({"issues": page, "total_count": len(rows), "offset": start, "limit": limit})

    def _create(self, request: Request) -> Response:
        sent = request.get_json()["issue"]
        key = str(len(self.rows) + 1)
        status = {"id": 1, "name": "New", "is_closed": False}
        self.rows[key] = {"id": int(key), "status": status, "updated_on": f"{UPDATED}Z", **sent}
        return answer({"issue": self.rows[key]}, 201)

    def _read(self, request: Request, key: str) -> Response:
        return answer({"issue": self.rows[key]}) if key in self.rows else answer(None, 404)

    def _put(self, request: Request, key: str) -> Response:
        sent = request.get_json()["issue"]
        if number := sent.pop("status_id", None):
            self.rows[key]["status"] = {"id": int(number), "is_closed": int(number) >= 5}
        if note := sent.pop("notes", None):
            self.comments.append((key, note))
            self.rows[key]["updated_on"] = f"{self.now}Z"
        self.rows[key] |= sent
        return answer(None, 204)

    def human_wont_fix(self, key: str) -> None:
        self.rows[key]["status"] = {"id": 6, "name": "Rejected", "is_closed": True}

    def is_open(self, key: str) -> bool:
        return not self.rows[key]["status"]["is_closed"]

    def text(self, key: str) -> str:
        return str(self.rows[key]["description"])


class FakeJira(Fake):
    """A project with transitions 31 (done) and 41 (back); resolution 10001 is "won't do"."""

    api = 2

    def is_welcome(self, request: Request) -> bool:
        return request.headers.get("Authorization") == "Bearer t0ken"

    def routes(self) -> list[tuple[str, str, Callable[..., Response]]]:
        root = f"/rest/api/{self.api}"
        return [
            ("POST", f"{root}/search" if self.api == 2 else f"{root}/search/jql", self._search),
            ("POST", f"{root}/issue/bulkfetch", self._many),
            ("POST", f"{root}/issue", self._create),
            ("GET", rf"{root}/issue/OPS-(\d+)", self._read),
            ("PUT", rf"{root}/issue/OPS-(\d+)", self._put),
            ("POST", rf"{root}/issue/OPS-(\d+)/comment", self._comment),
            ("POST", rf"{root}/issue/OPS-(\d+)/transitions", self._move),
        ]

    def _search(self, request: Request) -> Response:
        sent = request.get_json()
        if self.api == 2 and sent["jql"].startswith("key in"):
            return self._many(request)
        part = r'description ~ "[0-9a-f]{16}"'
        wanted = rf'project = "OPS" AND \({part}(?: OR {part})*\) ORDER BY created ASC'
        assert re.fullmatch(wanted, sent["jql"]), sent["jql"]
        digits = re.findall('"([0-9a-f]{16})"', sent["jql"])
        assert len(digits) <= 100
        alike: Row = {"key": "OPS-99", "fields": {"status": {"id": "1"}, "description": f"about {digits[0]}"}}
        held = re.compile("|".join(digits))
        rows = [row for row in self.rows.values() if held.search(json.dumps(row["fields"]))]
        rows = [alike, *rows]
        # An administrator has made pages shorter than they are asked for; the Cloud does so as it likes.
        start, most = int(sent.get("startAt", sent.get("nextPageToken", "0"))), 90
        page = {"issues": rows[start : start + most]}
        if self.api == 2:
            return answer({**page, "startAt": start, "total": len(rows)})
        is_last = start + most >= len(rows)
        return answer({**page, "isLast": is_last} | ({} if is_last else {"nextPageToken": str(start + most)}))

    def _many(self, request: Request) -> Response:
        sent = request.get_json()
        keys = sent["issueIdsOrKeys"] if self.api == 3 else re.findall(r'"(OPS-[0-9]+)"', sent["jql"])
        assert len(keys) <= 100
        known = [self.rows[key.removeprefix("OPS-")] for key in keys if key.removeprefix("OPS-") in self.rows]
        if self.api == 2 and len(known) < len(keys) and sent["validateQuery"]:
            return answer({"errorMessages": ["An issue with that key does not exist for field 'key'."]}, 400)
        rows = [row | {"fields": {name: row["fields"][name] for name in sent["fields"]}} for row in known]
        return answer(
            {"issues": rows} | ({} if self.api == 3 else {"startAt": 0, "maxResults": 100, "total": len(rows)})
        )

    def _create(self, request: Request) -> Response:
        sent = request.get_json()["fields"]
        key = str(len(self.rows) + 1)
        status = {"id": "1", "statusCategory": {"key": "new"}}
        fields = {**sent, "status": status, "resolution": None, "updated": f"{UPDATED}.000+0000"}
        self.rows[key] = {"id": f"100{key}", "key": f"OPS-{key}", "fields": fields}
        return answer({"id": f"100{key}", "key": f"OPS-{key}"}, 201)

    def _read(self, request: Request, key: str) -> Response:
        return answer(self.rows[key]) if key in self.rows else answer({"errorMessages": ["none"]}, 404)

    def _put(self, request: Request, key: str) -> Response:
        self.rows[key]["fields"] |= request.get_json()["fields"]
        return answer(None, 204)

    def _comment(self, request: Request, key: str) -> Response:
        self.comments.append((key, json.dumps(request.get_json()["body"])))
        self.rows[key]["fields"]["updated"] = f"{self.now}.000+0000"
        return answer({"id": "1"}, 201)

    def _move(self, request: Request, key: str) -> Response:
        done = {"31": True, "41": False}[request.get_json()["transition"]["id"]]
        fields = self.rows[key]["fields"]
        fields["status"] = {"id": "9" if done else "1", "statusCategory": {"key": "done" if done else "new"}}
        fields["resolution"] = {"id": "10000"} if done else None
        return answer(None, 204)

    def human_wont_fix(self, key: str) -> None:
        fields = self.rows[key]["fields"]
        fields |= {"status": {"id": "9", "statusCategory": {"key": "done"}}, "resolution": {"id": "10001"}}

    def is_open(self, key: str) -> bool:
        return bool(self.rows[key]["fields"]["status"]["statusCategory"]["key"] == "new")

    def text(self, key: str) -> str:
        return json.dumps(self.rows[key]["fields"]["description"], ensure_ascii=False)


class FakeJiraCloud(FakeJira):
    """The same with version 3."""

    api = 3

    def is_welcome(self, request: Request) -> bool:
        return request.authorization is not None and request.authorization.password == "t0ken"
