"""Which issue of a tracker stands for which findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from secaudit.model.answer import Reach
from secaudit.model.evidence import Evidence
from secaudit.model.outcome import Outcome
from secaudit.model.tracker import IssueState
from secaudit.store.blobs import content
from secaudit.store.details import load_details
from secaudit.store.errors import StoreError
from secaudit.store.lifecycle import Finding
from secaudit.store.queries import Queries, counts
from secaudit.store.schema import blob, result, run, scan, tracker_issue


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


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the scan that reported a finding last said about it, besides the finding itself."""

    expected: str
    observed: str
    remediation: str
    evidence: tuple[Evidence, ...]
    references: Mapping[str, tuple[str, ...]]


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

    def grounds(self, findings: Sequence[Finding]) -> Mapping[str, Grounds]:
        """What the last scans said about (tens of) findings, by fingerprint; without those of which nothing is kept."""
        if not findings:
            return {}
        last = (and_(result.c.fingerprint == found.fingerprint, scan.c.run_id == found.last_run) for found in findings)
        query: Select[Any] = (
            select(result.c.fingerprint, blob.c.sha256, blob.c.data)
            .join(scan, scan.c.id == result.c.scan_id)
            .join(blob, blob.c.id == result.c.detail)
            .where(or_(*last), result.c.outcome.in_((Outcome.FAILED.value, Outcome.UNPROVEN.value)))
            .order_by(result.c.outcome, result.c.position)
        )
        known: dict[str, Grounds] = {}
        with self._reading() as connection:
            for row in connection.execute(query):
                details = load_details(content(row))
                said = Grounds(**{field.name: details[field.name] for field in fields(Grounds)})
                known.setdefault(row.fingerprint, said)
        return known

    def complete_scans(self, customer: str, host: str, since: datetime, until: datetime) -> int:
        """How many complete scans of a host for all its controls were opened from `since` up to `until` (aware UTC)."""
        mine = and_(scan.c.customer == customer, scan.c.host == host, scan.c.status == Reach.COMPLETE.value)
        chosen = and_(mine, scan.c.opened >= since, scan.c.opened < until, counts(scan.c.run_id))
        with self._reading() as connection:
            whole = scan.join(run, (run.c.id == scan.c.run_id) & run.c.narrow.is_(False))
            return connection.execute(select(func.count()).select_from(whole).where(chosen)).scalar_one()

    def claim_issue(self, issue: TrackedIssue, before: TrackedIssue | None = None) -> bool:
        """Note that an issue is about to be created; False when somebody else has noted it.

        `before` is an older note of that kind which led to nothing that can be found.
        """
        try:
            with self._writing() as connection:
                if before is None:
                    connection.execute(insert(tracker_issue).values(_row(issue)))
                else:
                    still = and_(_this(before), tracker_issue.c.issue == "", tracker_issue.c.began == before.began)
                    return bool(connection.execute(update(tracker_issue).where(still).values(_row(issue))).rowcount)
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
