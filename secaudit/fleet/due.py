"""When a schedule fires, and whether a firing is still owed. Pure functions of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

from secaudit.model.schedule import Schedule


def next_firings(schedule: Schedule, after: datetime, count: int) -> tuple[datetime, ...]:
    """The next `count` firings strictly after `after`, as aware UTC; fewer when the expression runs dry.

    The expression is read in the schedule's own zone with Debian cron's rules for daylight saving time: a time that
    does not exist fires right after the gap, one that exists twice fires once.
    """
    local = after.astimezone(ZoneInfo(schedule.timezone))
    return tuple(moment.astimezone(UTC) for moment in islice(CronSim(schedule.cron, local), count))


def owed(schedule: Schedule, handled: datetime, now: datetime) -> datetime | None:
    """The firing that must be made up for at `now`, or None.

    `handled` is the newest firing that was taken care of. However many were missed since, only the newest is owed: a
    scan that was missed three times is caught up once.
    """
    # Walking back starts strictly before its origin; a second later makes a firing at `now` itself count.
    origin = now.replace(microsecond=0) + timedelta(seconds=1)
    latest = next(CronSim(schedule.cron, origin.astimezone(ZoneInfo(schedule.timezone)), reverse=True), None)
    if latest is None:
        return None
    firing = latest.astimezone(UTC)
    return firing if firing > handled else None
