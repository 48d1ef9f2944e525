"""Roundup, REST version 1 with the schema of its classic template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from secaudit.export.trackers.adapter import (
    PAGE,
    RemoteIssue,
    by_marker,
    chunks,
    id_of,
    key_of,
    mapping_of,
    pages,
    rows_of,
)
from secaudit.export.trackers.draft import Draft, Markup
from secaudit.export.trackers.session import Params, Session, TrackerError, segment
from secaudit.model.tracker import MARKER, IssueState, TrackerConfig

_ISSUES, _MESSAGES = "/rest/data/issue", "/rest/data/msg"


def headers_of(url: str) -> dict[str, str]:
    """What Roundup asks of every client against requests that a foreign page made."""
    parts = urlsplit(url)
    return {
        "X-Requested-With": "rest",
        "Origin": f"{parts.scheme}://{parts.netloc}",
        "Referer": url.rstrip("/") + "/",
    }


class Roundup:
    """Issues of a tracker. Bodies are messages, which cannot be searched; so the marker stands in the title too."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Filter titles by the marker."""
        rows = self._list({"title": marker})
        return tuple(self._issue(key_of(row, "id"), row) for row in rows if marker in str(row.get("title")))

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Filter titles by the word that markers begin with."""
        rows = self._list({"title": f"{MARKER}:"})
        return by_marker(((row.get("title"), self._issue(key_of(row, "id"), row)) for row in rows), markers)

    def read(self, key: str) -> RemoteIssue | None:
        """One issue; retired ones are gone. Asked for by its address one is still shown, in a list it is not."""
        return self.read_many([key]).get(key)

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by their numbers, a page at a time; retired ones are not among them."""
        rows = (row for chunk in chunks(keys) for row in self._list({"id": chunk}))
        return {key: self._issue(key, row) for row in rows for key in (key_of(row, "id"),)}

    def _list(self, wanted: Params) -> Iterator[dict[str, Any]]:
        """Every issue that a filter lets through, the oldest first."""
        for page in pages("issues like ours"):
            params: Params = {
                **wanted,
                "@fields": "title,status,activity",
                "@sort": "id",
                "@page_size": str(PAGE),
                "@page_index": str(page + 1),
            }
            data = mapping_of(mapping_of(self._session.get(_ISSUES, params).data, "data").get("data"), "data")
            yield from rows_of(data.get("collection"), "issues")
            links = data.get("@links")
            if not isinstance(links, dict) or not links.get("next"):
                return

    def create(self, draft: Draft) -> RemoteIssue:
        """Create a message and an issue that begins with it."""
        fields: dict[str, Any] = {
            "title": draft.marked_title,
            "messages": [self._message(draft.body(Markup.PLAIN))],
            **self._priority(draft),
        }
        if self._config.workflow.reopen:
            fields["status"] = self._config.workflow.reopen
        if self._config.assignee:
            fields["assignedto"] = self._config.assignee
        data = mapping_of(mapping_of(self._session.send("POST", _ISSUES, fields).data, "data").get("data"), "data")
        key = key_of(data, "id")
        return RemoteIssue(key, self._link(key), IssueState.OPEN)

    def update(self, key: str, draft: Draft) -> None:
        """Give it the new title and priority; the new text is a further message."""
        message = self._message(draft.body(Markup.PLAIN))
        self._change("PUT", key, {"title": draft.marked_title, **self._priority(draft)})
        self._change("PATCH", key, {"@op": "add", "messages": [message]})

    def comment(self, key: str, text: str) -> None:
        """Add a message."""
        self._change("PATCH", key, {"@op": "add", "messages": [self._message(text)]})

    def close(self, key: str, text: str) -> None:
        """Set the status that the configuration names."""
        self._set_status(key, self._config.workflow.close, text)

    def reopen(self, key: str, text: str) -> None:
        """Set the status that the configuration names."""
        self._set_status(key, self._config.workflow.reopen, text)

    def _set_status(self, key: str, status: str, text: str) -> None:
        """With its message in one request: one that comes later opens a resolved issue in the classic template."""
        row, etag = self._known(key)
        before = [key_of(message, "id") for message in rows_of(row.get("messages"), "messages")]
        fields = {"status": status, "messages": [*before, self._message(text)]}
        self._session.send("PUT", f"{_ISSUES}/{segment(key)}", fields, {"If-Match": etag})

    def _message(self, text: str) -> str:
        # Without an author the reactors of the classic template refuse the issue that it is added to.
        reply = self._session.send("POST", _MESSAGES, {"content": text, "author": self._config.user})
        return key_of(mapping_of(mapping_of(reply.data, "data").get("data"), "data"), "id")

    def _change(self, method: str, key: str, fields: dict[str, Any]) -> None:
        _, etag = self._known(key)
        self._session.send(method, f"{_ISSUES}/{segment(key)}", fields, {"If-Match": etag})

    def _known(self, key: str) -> tuple[dict[str, Any], str]:
        found = self._element(key)
        if found is None:
            raise TrackerError(f"the issue {key} is gone", is_refused=True)
        return found

    def _element(self, key: str) -> tuple[dict[str, Any], str] | None:
        """The attributes of an issue and its etag, without which nothing may be changed."""
        reply = self._session.get_known(f"{_ISSUES}/{segment(key)}", {"@protected": "true"})
        if reply is None:
            return None
        data = mapping_of(mapping_of(reply.data, "data").get("data"), "data")
        return mapping_of(data.get("attributes"), "attributes"), str(data.get("@etag", ""))

    def _priority(self, draft: Draft) -> dict[str, str]:
        priority = (self._config.priorities or {}).get(draft.severity)
        return {"priority": priority} if priority else {}

    def _issue(self, key: str, row: dict[str, Any]) -> RemoteIssue:
        workflow, status = self._config.workflow, id_of(row, "status")
        state = IssueState.OPEN
        if status in workflow.wont_fix:
            state = IssueState.WONT_FIX
        elif status == workflow.close or status in workflow.closed:
            state = IssueState.CLOSED
        return RemoteIssue(key, self._link(key), state, _moment(row.get("activity")), status in workflow.acknowledged)

    def _link(self, key: str) -> str:
        return f"{self._config.url.rstrip('/')}/issue{key}"


def _moment(text: object) -> datetime | None:
    """A time as Roundup writes it: `2026-11-24.10:59:42` with or without fractions, in UTC."""
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
