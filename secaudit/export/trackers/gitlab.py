"""GitLab, REST version 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secaudit.export.trackers.adapter import (
    PAGE,
    RemoteIssue,
    by_marker,
    chunks,
    key_of,
    mapping_of,
    moment_of,
    pages,
    rows_of,
)
from secaudit.export.trackers.draft import Draft, Markup
from secaudit.export.trackers.session import Session, segment
from secaudit.model.tracker import MARKER, IssueState, TrackerConfig


class GitLab:
    """Issues of one project."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config
        self._root = f"/api/v4/projects/{segment(config.project)}/issues"

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Search descriptions for the marker."""
        return tuple(self._issue(row) for row in self._list(marker) if marker in str(row.get("description")))

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Search descriptions for the word that markers begin with: the labels of an issue are people's."""
        return by_marker(((row.get("description"), self._issue(row)) for row in self._list(MARKER)), markers)

    def _list(self, part: str) -> Iterator[dict[str, Any]]:
        """Every issue with a text in its description, the oldest first; of a moved one only the place it went to."""
        page = "1"
        for _ in pages("issues like ours"):
            params = {"scope": "all", "per_page": str(PAGE), "page": page, "order_by": "created_at", "sort": "asc"}
            reply = self._session.get(self._root, {"search": part, "in": "description", **params})
            yield from (row for row in rows_of(reply.data, "issues") if not _is_moved(row))
            page = reply.headers.get("x-next-page", "")
            if not page:
                return

    def read(self, key: str) -> RemoteIssue | None:
        """One issue by its number in the project."""
        reply = self._session.get_known(f"{self._root}/{segment(key)}")
        row = mapping_of(reply.data, "issue") if reply is not None else None
        return None if row is None or _is_moved(row) else self._issue(row)

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by their numbers in the project, a page at a time."""
        found: dict[str, RemoteIssue] = {}
        for chunk in chunks(keys):
            params = {"iids[]": chunk, "scope": "all", "per_page": str(PAGE)}
            for row in rows_of(self._session.get(self._root, params).data, "issues"):
                if not _is_moved(row):
                    issue = self._issue(row)
                    found[issue.key] = issue
        return found

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        body = self._fields(draft) | {"labels": ",".join((*self._config.labels, *self._priority(draft)))}
        if self._config.assignee:
            body["assignee_ids"] = [self._config.assignee]
        return self._issue(mapping_of(self._session.send("POST", self._root, body).data, "issue"))

    def update(self, key: str, draft: Draft) -> None:
        """Replace title and description, and swap the label that stands for the priority."""
        mine = self._priority(draft)
        others = sorted({*(self._config.priorities or {}).values()} - {*mine})
        body = self._fields(draft)
        body |= {"add_labels": ",".join(mine)} if mine else {}
        body |= {"remove_labels": ",".join(others)} if others else {}
        self._session.send("PUT", f"{self._root}/{segment(key)}", body)

    def comment(self, key: str, text: str) -> None:
        """Add a note."""
        self._session.send("POST", f"{self._root}/{segment(key)}/notes", {"body": text})

    def close(self, key: str, text: str) -> None:
        """Close it."""
        self._session.send("PUT", f"{self._root}/{segment(key)}", {"state_event": "close"})
        self.comment(key, text)

    def reopen(self, key: str, text: str) -> None:
        """Open it again."""
        self._session.send("PUT", f"{self._root}/{segment(key)}", {"state_event": "reopen"})
        self.comment(key, text)

    def _fields(self, draft: Draft) -> dict[str, Any]:
        return {"title": draft.title, "description": draft.body(Markup.MARKDOWN)}

    def _priority(self, draft: Draft) -> tuple[str, ...]:
        label = (self._config.priorities or {}).get(draft.severity)
        return (label,) if label else ()

    def _issue(self, row: dict[str, Any]) -> RemoteIssue:
        labels = {str(label) for label in row.get("labels") or ()}
        state = IssueState.CLOSED if row.get("state") == "closed" else IssueState.OPEN
        if labels & self._config.workflow.wont_fix:
            state = IssueState.WONT_FIX
        is_acknowledged = bool(labels & self._config.workflow.acknowledged)
        link = str(row.get("web_url", ""))
        return RemoteIssue(key_of(row, "iid"), link, state, moment_of(row.get("updated_at")), is_acknowledged)


def _is_moved(row: Mapping[str, Any]) -> bool:
    """Whether it went to another project: what stays here is closed and says nothing of its finding."""
    return row.get("state") == "closed" and row.get("moved_to_id") is not None
