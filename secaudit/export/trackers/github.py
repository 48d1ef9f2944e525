"""GitHub, REST version 2022-11-28."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from secaudit.export.trackers.adapter import (
    PAGE,
    RemoteIssue,
    by_marker,
    key_of,
    mapping_of,
    moment_of,
    pages,
    rows_of,
)
from secaudit.export.trackers.draft import Draft, Markup
from secaudit.export.trackers.session import Session, segment
from secaudit.model.tracker import IssueState, TrackerConfig

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
PAUSE = 1.0
"""Seconds between two changes: GitHub's page on good practice asks for them where there are many."""

_FEW = 3
_NEXT = re.compile(r'<([^<>]*)>[^<>,]*;\s*rel="next"')


class GitHub:
    """Issues of one repository, `owner/name`."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config
        owner, _, name = config.project.partition("/")
        self._root = f"/repos/{segment(owner)}/{segment(name)}/issues"

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Look through the issues with our first label: the search index of GitHub lags behind, its lists do not."""
        return tuple(self._issue(row) for row in self._listed if marker in str(row.get("body")))

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Look through the same list."""
        return by_marker(((row.get("body"), self._issue(row)) for row in self._listed), markers)

    @cached_property
    def _listed(self) -> tuple[dict[str, Any], ...]:
        """Every issue with our first label, the oldest first, as it was when somebody asked first."""
        return tuple(row for row in self._list() if "pull_request" not in row)

    def _list(self) -> Iterator[dict[str, Any]]:
        """Follow the links to the next page; counting pages ends at 100 in large repositories."""
        params = {
            "state": "all",
            "labels": self._config.labels[0],
            "per_page": str(PAGE),
            "sort": "created",
            "direction": "asc",
        }
        for _ in pages(f"issues with the label {self._config.labels[0]!r}"):
            reply = self._session.get(self._root, params)
            yield from rows_of(reply.data, "issues")
            link = _NEXT.search(reply.headers.get("link", ""))
            if link is None:
                return
            # Only what the link asks for: the credentials go nowhere but to the configured address.
            params = dict(parse_qsl(urlsplit(link[1]).query))

    def read(self, key: str) -> RemoteIssue | None:
        """One issue by its number."""
        reply = self._session.get_known(f"{self._root}/{segment(key)}")
        return self._issue(mapping_of(reply.data, "issue")) if reply is not None else None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by their numbers out of the list that `find` looks through; without our label they are not in it.

        The list may be long: a few are better asked for alone.
        """
        if len(keys) <= _FEW:
            return {}
        wanted = frozenset(keys)
        issues = (self._issue(row) for row in self._listed)
        return {issue.key: issue for issue in issues if issue.key in wanted}

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        body = self._fields(draft) | {"labels": [*self._config.labels, *self._priority(draft)]}
        if self._config.assignee:
            body["assignees"] = [self._config.assignee]
        row = mapping_of(self._session.send("POST", self._root, body).data, "issue")
        made = self._issue(row)
        mine = self._config.labels[0]
        if mine not in _labels(row):
            trouble = f"GitHub left out the label {mine!r} of issue {made.key}, by which a lost issue is found again: "
            return replace(made, trouble=trouble + "give the owner of the token the right to push")
        return made

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

    def close(self, key: str, text: str) -> None:
        """Close it as completed."""
        self._session.send("PATCH", f"{self._root}/{segment(key)}", {"state": "closed", "state_reason": "completed"})
        self.comment(key, text)

    def reopen(self, key: str, text: str) -> None:
        """Open it again."""
        self._session.send("PATCH", f"{self._root}/{segment(key)}", {"state": "open", "state_reason": "reopened"})
        self.comment(key, text)

    def _fields(self, draft: Draft) -> dict[str, Any]:
        return {"title": draft.title, "body": draft.body(Markup.MARKDOWN)}

    def _priority(self, draft: Draft) -> tuple[str, ...]:
        label = (self._config.priorities or {}).get(draft.severity)
        return (label,) if label else ()

    def _issue(self, row: Mapping[str, Any]) -> RemoteIssue:
        labels = _labels(row)
        state = IssueState.CLOSED if row.get("state") == "closed" else IssueState.OPEN
        if row.get("state_reason") in ("not_planned", "duplicate") or labels & self._config.workflow.wont_fix:
            state = IssueState.WONT_FIX
        is_acknowledged = bool(labels & self._config.workflow.acknowledged)
        link = str(row.get("html_url", ""))
        return RemoteIssue(key_of(dict(row), "number"), link, state, moment_of(row.get("updated_at")), is_acknowledged)


def _labels(row: Mapping[str, Any]) -> set[str]:
    return {str(label.get("name")) if isinstance(label, dict) else str(label) for label in row.get("labels") or ()}
