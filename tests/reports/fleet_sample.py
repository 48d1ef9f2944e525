"""All customers of an invented provider, and the shelf of one of them. `python -m tests.reports.fleet_sample DIR`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secaudit.model.answer import Reach
from secaudit.model.feed import FeedStamp
from secaudit.model.fleet import (
    CustomerStanding,
    DueFinding,
    FamilyStanding,
    FleetRecord,
    LaggingHost,
    StaleBackup,
)
from secaudit.model.hours import Month
from secaudit.model.severity import Severity
from secaudit.model.shelf import Shelf, ShelvedReport

NOW = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fleet() -> FleetRecord:
    """Three customers: one in trouble, one that is fine, one of whom little is known."""
    return FleetRecord(
        at=NOW,
        version="1.0.0",
        timezone="Europe/Vienna",
        horizon=NOW + timedelta(days=7),
        fresh_since=NOW - timedelta(days=2),
        customers=(
            CustomerStanding(
                *("muster", "Muster GmbH", 9, 7),
                (
                    FamilyStanding("backup", 1, 0, 1, 6),
                    FamilyStanding("firewall", 12, 1, 0, 1204),
                    FamilyStanding("patch", 0, 2, 0, 40),
                ),
                *(3, 1, 1, NOW - timedelta(days=5)),
            ),
            CustomerStanding(
                "linden", "Lindenhof KG", 4, 4, (FamilyStanding("firewall", 0, 0, 0, 80),), 0, 0, 0, NOW - 5 * HOUR
            ),
            CustomerStanding("neu", "", 2, 0, (FamilyStanding("patch", 0, 0, 9, 0),), 0, 0, 9, NOW - 30 * HOUR),
        ),
        due=(
            DueFinding(
                *("muster", "fw2", "tcp/9090", "Only named ports are open from outside"),
                "Port tcp/9090 is open from outside, and the baseline does not name it.",
                *(Severity.CRITICAL, NOW - 20 * HOUR),
            ),
            DueFinding(
                *("muster", "db1", "", "No reboot is pending"),
                "Installed updates do not take effect before the host is rebooted.",
                *(Severity.MEDIUM, NOW + 40 * HOUR),
            ),
        ),
        due_total=4,
        lagging=(
            LaggingHost("neu", "srv1", Reach.UNREACHABLE, "srv1 did not answer in time", NOW - 30 * HOUR),
            LaggingHost("muster", "print1", Reach.COMPLETE, "", NOW - timedelta(days=5)),
        ),
        stale=(
            StaleBackup("muster", "db1", "shop-db", "The newest backup is too old.", True, NOW),
            StaleBackup(
                "muster",
                "nas1",
                "",
                "`restic snapshots` is not installed",
                False,
                NOW - timedelta(days=40),
            ),
        ),
        stale_total=2,
        feeds=(FeedStamp("debian-12", NOW - 9 * HOUR, "0" * 64), FeedStamp("kev", NOW - timedelta(days=3), "1" * 64)),
        families={"backup": "Backup", "firewall": "Firewall", "patch": "Patch level"},
    )


def shelf() -> Shelf:
    """Two months in two languages and two formats."""
    files = [(month, language, kind) for month in (10, 9) for language in ("de", "en") for kind in ("html", "pdf")]
    return Shelf(
        *("muster", "Muster GmbH", "Europe/Vienna", NOW, "1.0.0"),
        tuple(
            ShelvedReport(
                f"monthly-2026-{month:02}-{language}.{kind}", Month(2026, month), language, kind, 65_261, f"{at:064x}"
            )
            for at, (month, language, kind) in enumerate(files)
        ),
    )


def main() -> None:
    """Write the samples' pages in both languages."""
    from secaudit.reports.fleet import render as render_fleet
    from secaudit.reports.shelf import render as render_shelf

    folder = Path(sys.argv[1])
    for language in ("de", "en"):
        (folder / f"fleet-{language}.html").write_bytes(render_fleet(fleet(), language))
        (folder / f"index-{language}.html").write_bytes(render_shelf(shelf(), language))


if __name__ == "__main__":
    main()
