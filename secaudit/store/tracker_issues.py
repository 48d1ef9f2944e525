"""Which issue of a tracker stands for which findings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from secaudit.model.answer import Reach
from secaudit.model.tracker import IssueState
from secaudit.store.errors import StoreError
from secaudit.store.queries import Queries
from secaudit.store.schema import scan, tracker_issue


@dataclass(frozen=True, slots=True)
class TrackedIssue:
    """An issue as it was left. `issue` is empty while it is being created; `began` is when that was (aware UTC)."""

    customer: str
    tracker: str
    topic: str
    began: datetime
    issue: str = ""
    link: str = ""
    state: IssueState = IssueState.OPEN
    content: str = ""
    returned: datetime | None = None


class TrackerIssues(Queries):
    """What a store knows about issues in trackers."""

    def _writing(self) -> AbstractContextManager[Connection]:
        raise NotImplementedError

    def tracked_issues(self, customer: str, tracker: str) -> Mapping[str, TrackedIssue]:
        """The issues of a customer in a tracker, by topic."""
        mine = and_(tracker_issue.c.customer == customer, tracker_issue.c.tracker == tracker)
        with self._reading() as connection:
            rows = connection.execute(select(tracker_issue).where(mine).order_by(tracker_issue.c.topic))
            return {
                row.topic: TrackedIssue(
                    row.customer,
                    row.tracker,
                    row.topic,
                    row.began,
                    row.issue,
                    row.link,
                    IssueState(row.state),
                    row.content,
                    row.returned,
                )
                for row in rows
            }

    def complete_scans(self, customer: str, host: str, since: datetime, until: datetime) -> int:
        """How many complete scans of a host were opened from `since` up to `until` (aware UTC)."""
        mine = and_(scan.c.customer == customer, scan.c.host == host, scan.c.status == Reach.COMPLETE.value)
        chosen = and_(mine, scan.c.opened >= since, scan.c.opened < until)
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(scan).where(chosen)).scalar_one()

    def claim_issue(self, issue: TrackedIssue) -> bool:
        """Note that an issue is about to be created; False when somebody else has noted it."""
        try:
            with self._writing() as connection:
                connection.execute(insert(tracker_issue).values(_row(issue)))
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    def keep_issue(self, issue: TrackedIssue) -> None:
        """Store how an issue was left, whether or not it was known."""
        row = _row(issue)
        with self._writing() as connection:
            known = connection.execute(update(tracker_issue).where(_this(issue)).values(row))
            if not known.rowcount:
                connection.execute(insert(tracker_issue).values(row))

    def release_issue(self, issue: TrackedIssue) -> None:
        """Forget an issue: the tracker refused to create it, or it was deleted there."""
        with self._writing() as connection:
            connection.execute(delete(tracker_issue).where(_this(issue)))


def _this(issue: TrackedIssue) -> ColumnElement[bool]:
    columns = tracker_issue.c
    return and_(columns.customer == issue.customer, columns.tracker == issue.tracker, columns.topic == issue.topic)


def _row(issue: TrackedIssue) -> dict[str, object]:
    row = {field.name: getattr(issue, field.name) for field in fields(issue)}
    return {**row, "state": issue.state.value}
