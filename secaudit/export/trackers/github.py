"""GitHub, REST version 2022-11-28."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secaudit.export.trackers.adapter import RemoteIssue, key_of, mapping_of, moment_of, rows_of
from secaudit.export.trackers.draft import Draft, Markup
from secaudit.export.trackers.session import Session, TrackerError, segment
from secaudit.model.tracker import MARKER, IssueState, TrackerConfig

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_MARKER = re.compile(rf"{MARKER}: [0-9a-f]{{16}}")
_PAGE = 100
_MOST_PAGES = 100


class GitHub:
    """Issues of one repository, `owner/name`."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config
        owner, _, name = config.project.partition("/")
        self._root = f"/repos/{segment(owner)}/{segment(name)}/issues"
        self._listed: dict[str, list[dict[str, Any]]] | None = None

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Look through the issues with our first label: the search index of GitHub lags behind, its lists do not."""
        if self._listed is None:
            self._listed = self._list()
        return tuple(self._issue(row) for row in self._listed.get(marker, ()))

    def _list(self) -> dict[str, list[dict[str, Any]]]:
        """Every issue by each marker in its body."""
        found: dict[str, list[dict[str, Any]]] = {}
        for page in range(1, _MOST_PAGES + 1):
            params = {
                "state": "all",
                "labels": self._config.labels[0],
                "per_page": str(_PAGE),
                "page": str(page),
                "sort": "created",
                "direction": "asc",
            }
            rows = rows_of(self._session.get(self._root, params).data, "issues")
            for row in rows:
                if "pull_request" not in row:
                    for marker in set(_MARKER.findall(str(row.get("body")))):
                        found.setdefault(marker, []).append(row)
            if len(rows) < _PAGE:
                return found
        raise TrackerError(f"the repository has more than {_MOST_PAGES * _PAGE} issues with our label")

    def read(self, key: str) -> RemoteIssue | None:
        """One issue by its number."""
        reply = self._session.get_known(f"{self._root}/{segment(key)}")
        return self._issue(mapping_of(reply.data, "issue")) if reply is not None else None

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        body = self._fields(draft) | {"labels": [*self._config.labels, *self._priority(draft)]}
        if self._config.assignee:
            body["assignees"] = [self._config.assignee]
        return self._issue(mapping_of(self._session.send("POST", self._root, body).data, "issue"))

    def update(self, key: str, draft: Draft) -> None:
        """Replace title and body; labels of priorities are swapped, those of people stay."""
        body = self._fields(draft)
        if self._config.priorities:
            reply = self._session.get(f"{self._root}/{segment(key)}")
            stay = _labels(mapping_of(reply.data, "issue")) - {*self._config.priorities.values()}
            body["labels"] = sorted({*stay, *self._priority(draft)})
        self._session.send("PATCH", f"{self._root}/{segment(key)}", body)

    def comment(self, key: str, text: str) -> None:
        """Add a comment."""
        self._session.send("POST", f"{self._root}/{segment(key)}/comments", {"body": text})

    def close(self, key: str) -> None:
        """Close it as completed."""
        self._session.send("PATCH", f"{self._root}/{segment(key)}", {"state": "closed", "state_reason": "completed"})

    def reopen(self, key: str) -> None:
        """Open it again."""
        self._session.send("PATCH", f"{self._root}/{segment(key)}", {"state": "open", "state_reason": "reopened"})

    def _fields(self, draft: Draft) -> dict[str, Any]:
        return {"title": draft.title, "body": draft.body(Markup.MARKDOWN)}

    def _priority(self, draft: Draft) -> tuple[str, ...]:
        label = (self._config.priorities or {}).get(draft.severity)
        return (label,) if label else ()

    def _issue(self, row: Mapping[str, Any]) -> RemoteIssue:
        labels = _labels(row)
        state = IssueState.CLOSED if row.get("state") == "closed" else IssueState.OPEN
        if row.get("state_reason") == "not_planned" or labels & self._config.workflow.wont_fix:
            state = IssueState.WONT_FIX
        is_acknowledged = bool(labels & self._config.workflow.acknowledged)
        link = str(row.get("html_url", ""))
        return RemoteIssue(key_of(dict(row), "number"), link, state, moment_of(row.get("updated_at")), is_acknowledged)


def _labels(row: Mapping[str, Any]) -> set[str]:
    return {str(label.get("name")) if isinstance(label, dict) else str(label) for label in row.get("labels") or ()}
