"""A month says for ever what it said at its end: every month of generated years, at its end and at the year's end.

`SECAUDIT_YEARS=200` makes more years than a usual run does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.report import MonthlyReport, PromiseId
from secaudit.reports.states import State

from secaudit.cli.month import month_record
from secaudit.cli.promises import Promises
from secaudit.config.contract import load_contracts
from secaudit.config.waivers import load_waivers
from secaudit.model.answer import Reach
from secaudit.model.availability import Probe
from secaudit.model.contract import Contracts
from secaudit.model.hours import Month
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.store import FindingFilter, Store, StoreError, open_store
from tests.store.scenes import DB, WEB, a_result, a_run, record

YEARS = int(os.environ.get("SECAUDIT_YEARS", "2"))
ZONE = ZoneInfo("Europe/Vienna")

CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2025-01-01, until: 2025-12-31}
calendar: {timezone: Europe/Vienna, hours: {mon-fri: ["08:00-17:00"]}}
sla: {reopen: REOPEN, grace: 2h, pause_reasons: [vendor-fix]}
priorities:
  P1: {from: [critical], response: {time: 1h, clock: real}, remediation: {time: 24h, clock: real}}
  P2: {from: [high], response: {time: 4h, clock: business}, remediation: {time: 5bd}}
  P3: {from: [medium], response: {time: 1bd}, remediation: {time: 30d, clock: calendar}}
availability:
  - {service: shop, target: 99, every: 6h, down_after: 2, probe: {tls: 'shop.example:443'}}
backup:
  datasets:
    - {name: shop-db, host: db1, rpo: 24h, copies: [{tool: borg, place: onsite}]}
resources: {included: 10, ledger: ledger.csv}
"""

WAIVERS = """\
- control: open-ports
  host: web1
  subject: tcp/3
  owner: anna@provider.example
  reason: migration
  expires: 2025-08-15
"""


def end_of(month: Month) -> datetime:
    first = month.following.first
    return datetime(first.year, first.month, first.day, tzinfo=ZONE).astimezone(UTC)


def results_of(dice: random.Random, host: Host, before: dict[str, Outcome]) -> list[Result]:
    """What a scan of a host says: most is as it was."""
    found = [
        ("network", "network.open-ports", "open-ports", "tcp/1", Severity.HIGH),
        ("network", "network.open-ports", "open-ports", "tcp/3", Severity.MEDIUM),
        ("patch", "patch.security-updates", "updates", "openssl", Severity.CRITICAL),
        ("patch", "patch.security-updates", "updates", "curl", dice.choice([Severity.HIGH, Severity.MEDIUM])),
        ("patch", "patch.end-of-life", "release", "os", Severity.MEDIUM),
        ("resilience", "resilience.raid", "raid", "md0", Severity.MEDIUM),
        *([("backup", "backup.borg-freshness", "borg", "shop-db", Severity.HIGH)] if host is DB else []),
    ]
    made = []
    for family, check, control, subject, severity in found:
        outcome = before.get(subject, Outcome.PASSED)
        if dice.random() < 0.3:
            outcome = dice.choice([Outcome.PASSED, Outcome.FAILED, Outcome.FAILED, Outcome.UNPROVEN])
        before[subject] = outcome
        plain = a_result(host, control, subject, outcome)
        made.append(replace(plain, family=family, check=check, severity=severity))
    return made


def people(dice: random.Random, store: Store, at: datetime) -> None:
    """Somebody acknowledges, pauses, resumes or takes something back."""
    for found in store.findings(FindingFilter(customer="muster")):
        if found.resolved is not None or dice.random() > 0.4:
            continue
        standing = [event.number for event in store.events(found.fingerprint) if event.kind is EventKind.ACKNOWLEDGED]
        kind = dice.choice([EventKind.ACKNOWLEDGED, EventKind.PAUSED, EventKind.RESUMED, EventKind.WITHDRAWN])
        event = FindingEvent(found.fingerprint, kind, at, author="anna")
        if kind is EventKind.PAUSED:
            event = replace(event, reason="vendor-fix", until=at + timedelta(days=dice.randint(1, 40)))
        if kind is EventKind.WITHDRAWN:
            event = replace(event, withdraws=standing[-1] if standing else 0)
        try:
            store.add_event(event)
        except (StoreError, ValueError):
            continue  # it does not fit what the finding is in now


def live(
    dice: random.Random, store: Store, month: Month, overlay: Promises, before: dict[str, dict[str, Outcome]]
) -> None:
    """A month of scans, probes and people."""
    at = end_of(month.previous) + timedelta(hours=3)
    while at < end_of(month):
        run = replace(a_run(0), id=f"run-{at:%Y%m%d%H}", started=at)
        store.begin(run, [WEB, DB])
        for host in (WEB, DB):
            reach = dice.choice([Reach.COMPLETE] * 6 + [Reach.PARTIAL])
            known = store.known(host.customer, host.name)
            made = results_of(dice, host, before.setdefault(host.name, {}))
            seen = [replace(one, first_seen=known.get(one.fingerprint, at)) for one in made]
            record(store, run, host, overlay(host, seen, at, known), reach)
        store.finish(replace(run, finished=at + timedelta(minutes=5)))
        people(dice, store, at + timedelta(hours=dice.randint(1, 60)))
        at += timedelta(days=dice.choice([3, 5, 9]))
    beats = [end_of(month.previous) + timedelta(hours=6 * beat) for beat in range(150)]
    store.add_probes(
        "muster", "shop", [Probe(beat, dice.random() < 0.95, "status 503") for beat in beats if beat < end_of(month)]
    )


def told(store: Store, contracts: Contracts, month: Month, now: datetime) -> MonthlyReport:
    return build(month_record(store, contracts, "muster", month, now))


@pytest.fixture(params=["restart", "continue"])
def contracts(request: pytest.FixtureRequest, tmp_path: Path) -> Contracts:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "muster.yaml").write_text(CONTRACT.replace("REOPEN", request.param))
    days = "".join(f"2025-{number:02}-11,{number * 97},support\n" for number in range(1, 13))
    (tmp_path / "contracts" / "ledger.csv").write_text(f"date,minutes,kind\n{days}")
    return load_contracts(tmp_path / "contracts")


def year() -> Iterator[Month]:
    return (Month(2025, number) for number in range(1, 13))


@pytest.mark.parametrize("seed", range(YEARS))
def test_every_month_says_at_the_years_end_what_it_said_at_its_own(
    seed: int, contracts: Contracts, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    (tmp_path / "waivers.yaml").write_text(WAIVERS)
    before: dict[str, dict[str, Outcome]] = {}
    with open_store(str(tmp_path / "store.db")) as store:
        overlay = Promises(contracts, load_waivers(tmp_path / "waivers.yaml"), store)
        at_its_end = {}
        for month in year():
            live(dice, store, month, overlay, before)
            at_its_end[month] = told(store, contracts, month, end_of(month))
        last = end_of(Month(2025, 12))
        assert any(one.late for one in at_its_end.values()), "a year in which nothing breaks shows little"
        for month, then in at_its_end.items():
            assert told(store, contracts, month, last) == then, month
    december = at_its_end[Month(2025, 12)]
    for promise in december.promises:
        for point in promise.trend:
            own = next((one for one in at_its_end[point.month].promises if one.id is promise.id), None)
            assert point.state is (own.state if own is not None else State.NOT_APPLICABLE), (promise.id, point)
            if point.share is not None:
                assert own is not None
                assert (point.unit, point.share) == (promise.unit, own.kept / own.whole)
    for opened in december.open_year:
        assert opened == at_its_end[opened.month].open_year[-1]
    for earlier, later in zip(at_its_end.values(), list(at_its_end.values())[1:], strict=False):
        assert later.changes.before == earlier.changes.after
    broken = sum(row.responded.broken + row.remediated.broken for one in at_its_end.values() for row in one.priorities)
    (response,) = (one for one in december.promises if one.id is PromiseId.RESPONSE)
    assert broken == sum(
        one.whole - one.kept for then in at_its_end.values() for one in then.promises if one.id is response.id
    )
