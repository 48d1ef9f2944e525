"""Flaws that are known to be exploited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from pydantic import Field

from secaudit.api import (
    Advisory,
    Duration,
    Facts,
    Now,
    Severity,
    Verdict,
    check,
    failed,
)

from ..exposure import Exposed, Exposures
from ..feed_trust import (
    OnFeeds,
    concerning,
    conclude,
    doubt_about,
    harmless_in,
    listed,
    shown,
    stale_feed,
    stated,
    upgrade,
)
from ..feeds.lookup import Flaw, KnownExploited
from ..feeds.records import ExploitedRecord
from ..references import PATCH_LEVEL


class ExploitedDeadlines(OnFeeds):
    """How long a flaw may stay after it was catalogued; `ransomware` when campaigns use it."""

    max_age: Duration = Field(default=timedelta(days=14), ge=timedelta())
    ransomware: Duration = Field(default=timedelta(days=3), ge=timedelta())
    or_due_date: bool = Field(default=True, description="the catalogue's own date counts when it is earlier")
    catalogue_max_age: Duration = Field(default=timedelta(days=7), gt=timedelta())


@check(
    "patch.kev-overdue",
    title="Known exploited vulnerabilities are repaired",
    severity=Severity.CRITICAL,
    requires=[Exposures, KnownExploited, Now],
    expect=ExploitedDeadlines,
    remediation="Upgrade the named packages at once; where there is no fix, take the service off the network.",
    references=PATCH_LEVEL,
)
def kev_overdue(facts: Facts, expect: ExploitedDeadlines) -> Iterator[Verdict]:
    """No installed package has a flaw that is known to be exploited for longer than the limit.

    The time runs from the day on which CISA's catalogue took the flaw up, whether there is a fix or not: a service that
    cannot be repaired has to be taken away.
    """
    exposures, catalogue, now = facts[Exposures], facts[KnownExploited], facts[Now].at
    expected = f"repaired by the catalogue's date at the latest, within {expect.max_age.days} days"
    spoken = set()
    waiting: dict[str, tuple[Advisory, ...]] = {}
    for exposed in concerning(exposures, expect, now):
        harmless = harmless_in(exposed, expect, now)
        found = [
            (flaw, entry)
            for flaw in (*exposed.fixable, *exposed.unfixed)
            for cve in flaw.cves
            if cve not in harmless and (entry := catalogue.entries.get(cve)) is not None
        ]
        late = [(flaw, entry) for flaw, entry in found if now > _deadline(entry, expect)]
        if late:
            spoken.add(exposed.source)
            yield _exploited(exposed, late, exposures, expect, expected, now)
        elif found:
            waiting[exposed.source] = listed(dict.fromkeys(flaw for flaw, _ in found), exposed.source)
    missing = doubt_about(exposures, expect, now) or stale_feed(
        "entries of the KEV catalogue", catalogue.at, expect.catalogue_max_age, now
    )
    observed = f"{len(waiting)} within their time: {', '.join(waiting)}" if waiting else "no exploited flaw"
    if not exposures.advisories.unfixed[0]:
        observed += "; the advisories list no flaws without a fix"
    later = [advisory for told in waiting.values() for advisory in told]
    yield from conclude(exposures, expect, missing, spoken, expected, observed, now, later)


def _deadline(entry: ExploitedRecord, expect: ExploitedDeadlines) -> datetime:
    """The end of the last day on which the flaw may be there, UTC."""
    deadline = _end_of(entry.added) + (expect.ransomware if entry.ransomware else expect.max_age)
    return min(deadline, _end_of(entry.due)) if expect.or_due_date else deadline


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def _exploited(
    exposed: Exposed,
    late: list[tuple[Flaw, ExploitedRecord]],
    exposures: Exposures,
    expect: ExploitedDeadlines,
    expected: str,
    now: datetime,
) -> Verdict:
    entries = {entry.cve: entry for _, entry in late}
    first = min(entries.values(), key=lambda entry: _deadline(entry, expect))
    target = max(exposed.fixable, key=lambda flaw: flaw.order).fixed if exposed.fixable else ""
    used = " (used by ransomware)" if any(entry.ransomware for entry in entries.values()) else ""
    return failed(
        exposed.source,
        reason=f"{exposed.source} has {len(entries)} flaws that are known to be exploited{used}.",
        observed=f"{', '.join(exposed.installed)}: {', '.join(sorted(entries))}; the first was due on "
        f"{_deadline(first, expect):%Y-%m-%d}; {f'{target} is available' if target else 'there is no fix'}",
        expected=expected,
        evidence=[
            shown({flaw: None for flaw, _ in late}, exposures.advisories.release),
            *stated([exposed], now),
            exposures.evidence,
        ],
        remediation=upgrade(exposed, exposures.manager) if target else "",
        advisories=listed(dict.fromkeys(flaw for flaw, _ in late), exposed.source),
    )
