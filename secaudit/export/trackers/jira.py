"""Jira Cloud and Data Center: REST version 2 (wiki markup) and 3 (documents of nodes)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secaudit.export.trackers.adapter import (
    PAGE,
    RemoteIssue,
    by_marker,
    chunks,
    id_of,
    key_of,
    mapping_of,
    moment_of,
    pages,
    rows_of,
)
from secaudit.export.trackers.draft import Draft, Markup
from secaudit.export.trackers.session import Session, TrackerError, segment
from secaudit.model.tracker import IssueState, TrackerConfig

_STATE = ("status", "resolution", "updated")
_FIELDS = (*_STATE, "description")
_BAD_REQUEST = 400
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+", re.ASCII)


class Jira:
    """Issues of one project."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config
        self._root = f"/rest/api/{config.api}"

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Search for the marker's digits; the index splits words as it likes, so each body is read again."""
        rows = self._search([marker])
        return tuple(self._issue(row) for row in rows if marker in _text(row.get("description")))

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Search for the digits of many markers at once; the labels of an issue are people's."""
        rows = (row for chunk in chunks(markers) for row in self._search(chunk))
        return by_marker(((_text(row.get("description")), self._issue(row)) for row in rows), markers)

    def read(self, key: str) -> RemoteIssue | None:
        """One issue."""
        reply = self._session.get_known(f"{self._root}/issue/{segment(key)}", {"fields": ",".join(_FIELDS)})
        if reply is None:
            return None
        return self._issue(_flat(mapping_of(reply.data, "issue")))

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by their keys, a page at a time. The Cloud reads them from where they lie, not from its late index."""
        found: dict[str, RemoteIssue] = {}
        for chunk in chunks(keys):
            for row in self._fetched(chunk) if self._config.api == 3 else self._looked_up(chunk):
                issue = self._issue(_flat(row))
                found[issue.key] = issue
        return found

    def _fetched(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        body = {"issueIdsOrKeys": list(keys), "fields": list(_STATE)}
        data = mapping_of(self._session.ask(f"{self._root}/issue/bulkfetch", body).data, "issues")
        return rows_of(data.get("issues"), "issues")

    def _looked_up(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """By a search; not validated, since it would be refused for one key that is gone."""
        jql = f"key in ({', '.join(_quoted(key) for key in keys)})"
        body = {"jql": jql, "fields": list(_STATE), "startAt": 0, "maxResults": PAGE, "validateQuery": False}
        try:
            data = mapping_of(self._session.ask(f"{self._root}/search", body).data, "search result")
        except TrackerError as error:
            if error.status == _BAD_REQUEST:
                return []
            raise
        return rows_of(data.get("issues"), "issues")

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        config = self._config
        fields = self._fields(draft) | {
            "project": {"key": config.project},
            "issuetype": _named(config.issue_type or "Bug"),
            "labels": list(config.labels),
        }
        if config.assignee:
            fields["assignee"] = {"accountId" if config.api == 3 else "name": config.assignee}
        row = mapping_of(self._session.send("POST", f"{self._root}/issue", {"fields": fields}).data, "issue")
        key = key_of(row, "key")
        return RemoteIssue(key, self._link(key), IssueState.OPEN)

    def update(self, key: str, draft: Draft) -> None:
        """Replace summary, description and priority."""
        self._session.send("PUT", f"{self._root}/issue/{segment(key)}", {"fields": self._fields(draft)})

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        body = _document(_node("paragraph", text)) if self._config.api == 3 else text
        self._session.send("POST", f"{self._root}/issue/{segment(key)}/comment", {"body": body})

    def close(self, key: str, text: str) -> None:
        """Take the transition that the configuration names."""
        self._move(key, self._config.workflow.close)
        self.comment(key, text)

    def reopen(self, key: str, text: str) -> None:
        """Take the transition that the configuration names."""
        self._move(key, self._config.workflow.reopen)
        self.comment(key, text)

    def _move(self, key: str, transition: str) -> None:
        self._session.send("POST", f"{self._root}/issue/{segment(key)}/transitions", {"transition": {"id": transition}})

    def _fields(self, draft: Draft) -> dict[str, Any]:
        if self._config.api == 3:
            description: object = _document(*_nodes(draft), _node("paragraph", draft.marker))
        else:
            description = draft.body(Markup.JIRA)
        fields: dict[str, Any] = {"summary": draft.title, "description": description}
        priority = (self._config.priorities or {}).get(draft.severity)
        return fields | ({"priority": {"id": priority}} if priority else {})

    def _issue(self, row: dict[str, Any]) -> RemoteIssue:
        key = key_of(row, "key")
        if not _KEY.fullmatch(key):
            raise TrackerError(f"{key[:40]!r} is not the key of an issue")
        status = mapping_of(row.get("status"), "status")
        category = status.get("statusCategory")
        workflow = self._config.workflow
        state = IssueState.OPEN
        if str(status.get("id")) in workflow.closed or (isinstance(category, dict) and category.get("key") == "done"):
            state = IssueState.WONT_FIX if id_of(row, "resolution") in workflow.wont_fix else IssueState.CLOSED
        is_acknowledged = str(status.get("id")) in workflow.acknowledged
        return RemoteIssue(key, self._link(key), state, moment_of(row.get("updated")), is_acknowledged)

    def _link(self, key: str) -> str:
        return f"{self._config.url.rstrip('/')}/browse/{key}"

    def _search(self, markers: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The fields of every issue whose description may hold one of the markers, the oldest first."""
        parts = " OR ".join(f"description ~ {_quoted(marker.rpartition(' ')[2])}" for marker in markers)
        jql = f"project = {_quoted(self._config.project)} AND ({parts}) ORDER BY created ASC"
        for row in self._pages_3(jql) if self._config.api == 3 else self._pages_2(jql):
            yield _flat(row)

    def _pages_2(self, jql: str) -> Iterator[dict[str, Any]]:
        start = 0
        for _ in pages("issues like ours"):
            body = {"jql": jql, "fields": list(_FIELDS), "startAt": start, "maxResults": PAGE}
            data = mapping_of(self._session.ask(f"{self._root}/search", body).data, "search result")
            rows = rows_of(data.get("issues"), "issues")
            yield from rows
            # A page may be shorter than asked for: an administrator can lower how long it is.
            start += len(rows)
            total = data.get("total")
            if not isinstance(total, int):
                raise TrackerError("the tracker's answer does not tell how many issues there are")
            if not rows or start >= total:
                return

    def _pages_3(self, jql: str) -> Iterator[dict[str, Any]]:
        token = ""
        for _ in pages("issues like ours"):
            body: dict[str, object] = {"jql": jql, "fields": list(_FIELDS), "maxResults": PAGE}
            body |= {"nextPageToken": token} if token else {}
            data = mapping_of(self._session.ask(f"{self._root}/search/jql", body).data, "search result")
            yield from rows_of(data.get("issues"), "issues")
            token = str(data.get("nextPageToken") or "")
            if not token or data.get("isLast") is True:
                return


def _named(text: str) -> dict[str, str]:
    return {"id": text} if text.isdecimal() else {"name": text}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return mapping_of(row.get("fields"), "fields") | {"key": row.get("key")}


def _document(*content: dict[str, Any]) -> dict[str, Any]:
    """A document of the Atlassian Document Format, in which text is text."""
    return {"type": "doc", "version": 1, "content": list(content)}


def _nodes(draft: Draft) -> Iterator[dict[str, Any]]:
    for section in draft.sections:
        yield _node("paragraph", f"{section.heading}:")
        yield _node("codeBlock", "\n".join(section.lines))


def _node(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "content": [{"type": "text", "text": text}]}


def _text(value: object) -> str:
    """The text of a description of either version. Bounded: a document may be nested without end."""
    if isinstance(value, str):
        return value
    found: list[str] = []
    left = [value]
    for _ in range(10_000):
        if not left:
            break
        node = left.pop()
        if isinstance(node, dict):
            found.append(str(node.get("text", "")))
            left += reversed(inner if isinstance(inner := node.get("content"), list) else [])
    return "\n".join(found)
