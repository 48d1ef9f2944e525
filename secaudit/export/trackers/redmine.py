"""Redmine, REST with JSON."""

from __future__ import annotations

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
from secaudit.model.tracker import MARKER, IssueState, TrackerConfig


class Redmine:
    """Issues of one project. The marker stands in the subject too: descriptions cannot be searched in all versions."""

    def __init__(self, session: Session, config: TrackerConfig) -> None:
        self._session = session
        self._config = config

    def find(self, marker: str) -> tuple[RemoteIssue, ...]:
        """Filter subjects by the marker."""
        rows = self._list(marker)
        return tuple(self._issue(row) for row in rows if marker in str(row.get("subject")))

    def find_many(self, markers: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Filter subjects by the word that markers begin with."""
        return by_marker(((row.get("subject"), self._issue(row)) for row in self._list(f"{MARKER}:")), markers)

    def _list(self, part: str) -> Iterator[dict[str, Any]]:
        """Every issue with a text in its subject, the oldest first."""
        start = 0
        for _ in pages("issues like ours"):
            params = {
                "project_id": self._config.project,
                "status_id": "*",
                "subject": f"~{part}",
                "sort": "created_on",
                "limit": str(PAGE),
                "offset": str(start),
            }
            data = mapping_of(self._session.get("/issues.json", params).data, "issues")
            rows = rows_of(data.get("issues"), "issues")
            yield from rows
            start += len(rows)
            total = data.get("total_count")
            if not isinstance(total, int):
                raise TrackerError("the tracker's answer does not tell how many issues there are")
            if not rows or start >= total:
                return

    def read(self, key: str) -> RemoteIssue | None:
        """One issue."""
        reply = self._session.get_known(f"/issues/{segment(key)}.json")
        if reply is None:
            return None
        return self._issue(mapping_of(mapping_of(reply.data, "issue").get("issue"), "issue"))

    def read_many(self, keys: Sequence[str]) -> Mapping[str, RemoteIssue]:
        """Issues by their numbers, a page at a time; an old Redmine does not know this filter and gives any page."""
        found: dict[str, RemoteIssue] = {}
        for chunk in chunks(keys):
            params = {"issue_id": ",".join(chunk), "status_id": "*", "limit": str(PAGE)}
            data = mapping_of(self._session.get("/issues.json", params).data, "issues")
            for row in rows_of(data.get("issues"), "issues"):
                issue = self._issue(row)
                found[issue.key] = issue
        return found

    def create(self, draft: Draft) -> RemoteIssue:
        """Create an issue."""
        fields = self._fields(draft) | {"project_id": self._config.project}
        if self._config.issue_type:
            fields["tracker_id"] = self._config.issue_type
        if self._config.assignee:
            fields["assigned_to_id"] = self._config.assignee
        data = mapping_of(self._session.send("POST", "/issues.json", {"issue": fields}).data, "issue")
        return self._issue(mapping_of(data.get("issue"), "issue"))

    def update(self, key: str, draft: Draft) -> None:
        """Replace subject, description and priority."""
        self._put(key, self._fields(draft))

    def comment(self, key: str, text: str) -> None:
        """Add a note."""
        self._put(key, {"notes": text})

    def close(self, key: str, text: str) -> None:
        """Set the status that the configuration names."""
        self._put(key, {"status_id": self._config.workflow.close, "notes": text})

    def reopen(self, key: str, text: str) -> None:
        """Set the status that the configuration names."""
        self._put(key, {"status_id": self._config.workflow.reopen, "notes": text})

    def _put(self, key: str, fields: dict[str, Any]) -> None:
        self._session.send("PUT", f"/issues/{segment(key)}.json", {"issue": fields})

    def _fields(self, draft: Draft) -> dict[str, Any]:
        # Macros are looked for before the text is taken for the one markup or the other.
        body = draft.body(Markup.MARKDOWN if self._config.markup == "markdown" else Markup.TEXTILE).replace("{{", "{ {")
        fields: dict[str, Any] = {"subject": draft.marked_title, "description": body}
        priority = (self._config.priorities or {}).get(draft.severity)
        return fields | ({"priority_id": priority} if priority else {})

    def _issue(self, row: dict[str, Any]) -> RemoteIssue:
        key, workflow = key_of(row, "id"), self._config.workflow
        status = row.get("status")
        number = id_of(row, "status")
        is_closed = isinstance(status, dict) and status.get("is_closed") is True
        state = IssueState.OPEN
        if number in workflow.wont_fix:
            state = IssueState.WONT_FIX
        elif is_closed or number in workflow.closed or number == workflow.close:
            state = IssueState.CLOSED
        link = f"{self._config.url.rstrip('/')}/issues/{segment(key)}"
        return RemoteIssue(key, link, state, moment_of(row.get("updated_on")), number in workflow.acknowledged)
