"""Contracts: what they mean, and every way to get one wrong."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest

from secaudit.config.contract import load_contracts
from secaudit.model.baseline import Location
from secaudit.model.contract import (
    AvailabilityTarget,
    BackupCopy,
    BackupRule,
    ClockKind,
    Conversion,
    Cost,
    MaintenanceWindow,
    Opening,
    Period,
    Priority,
    Reopening,
    ReportRules,
    Resources,
    SlaRules,
    SpecialDay,
    Target,
    Unit,
    WaiverRules,
)
from secaudit.model.severity import Severity
from tests.config.conftest import Write, messages

SMALL = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH}
valid: {from: 2026-01-01}
calendar: {timezone: Europe/Berlin, hours: {mon-fri: ["08:00-17:00"]}}
priorities: {P1: {from: [critical], remediation: {time: 24h}}}
"""

WHOLE = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-2025-017}
valid: {from: 2026-01-01, until: 2026-12-31, notice_days: 90}
calendar:
  timezone: Europe/Berlin
  hours: {mon-thu: ["08:00-12:00", "13:00-17:00"], sat: ["00:00-24:00"]}
  holidays: {country: DE, subdivision: BY, extra: [2026-12-24, {date: 2026-12-31, hours: ["08:00-12:00"]}]}
  maintenance_windows: [{rrule: "FREQ=MONTHLY;BYDAY=1SU", start: "02:00", minutes: 240, announce_days: 5}]
priorities:
  P1: {from: [critical], response: {time: 30m, clock: business}, remediation: {time: 24h, clock: real}}
  P2: {from: [high, medium], response: {time: 1bd}, remediation: {time: 30d}}
  P3: {from: [low], remediation: {time: 7d, clock: real}}
sla:
  warn_at: 0.75
  grace: 30m
  enforce_from: 2026-02-01
  reopen: continue
  pause_reasons: [waiting_customer]
  max_pause: 2w
waivers: {max_days: 180, require: [owner, approver]}
availability:
  - {service: shop, target: 99.9, source: probes/shop.csv, min_coverage: 98.5, exclude: [maintenance_windows]}
backup:
  rule: {media: 3}
  datasets:
    - name: shop-db
      host: db01
      match: {pg: shop}
      rpo: 4h
      rto: 8h
      retention: {daily: 14}
      copies: [{tool: pgbackrest, stanza: demo, place: onsite}]
      restore_test: {every: 90d, evidence: evidence/*.yaml}
resources:
  included: 7.5
  carry: {cap: 20, expires_months: 3}
  convert: {to: development, factor: 1.2, after_months: 1, round: 0.25, expires_months: 6}
  ledger: ledger/2026.csv
costs: [{service: monitoring, per: month, amount: "120.00", currency: EUR}, {service: work, per: hour, amount: 95,
  currency: EUR}]
report: {language: de, formats: [html, pdf], recipients: [it@kunde.example], day: 3, sign: ed25519, logo: l.png,
  colour: "#1d4ed8"}
"""


def test_the_whole(write: Write) -> None:
    write("contracts/a.yaml", WHOLE)
    (contract,) = load_contracts(Path("contracts")).of("muster")
    folder = str(Path("contracts").absolute())
    assert (contract.name, contract.number, contract.notice_days) == ("Muster GmbH", "V-2025-017", 90)
    assert (contract.since, contract.until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert contract.file == "contracts/a.yaml"
    day = (Opening(480, 720), Opening(780, 1020))
    assert contract.calendar.week == (day, day, day, day, (), (Opening(0, 1440),), ())
    assert (contract.calendar.country, contract.calendar.subdivision) == ("DE", "BY")
    assert contract.calendar.special == (
        SpecialDay(date(2026, 12, 24), ()),
        SpecialDay(date(2026, 12, 31), (Opening(480, 720),)),
    )
    assert contract.calendar.windows == (MaintenanceWindow("FREQ=MONTHLY;BYDAY=1SU", 120, 240, 5),)
    assert contract.priorities == (
        Priority(
            "P1",
            frozenset({Severity.CRITICAL}),
            Target(30, Unit.MINUTES, ClockKind.BUSINESS),
            Target(24, Unit.HOURS, ClockKind.REAL),
        ),
        Priority(
            "P2",
            frozenset({Severity.HIGH, Severity.MEDIUM}),
            Target(1, Unit.BUSINESS_DAYS, ClockKind.BUSINESS),
            Target(30, Unit.DAYS, ClockKind.CALENDAR),
        ),
        Priority("P3", frozenset({Severity.LOW}), None, Target(7, Unit.DAYS, ClockKind.REAL)),
    )
    assert contract.priority(Severity.HIGH) is contract.priorities[1]
    assert contract.priority(Severity.INFO) is None
    assert contract.sla == SlaRules(
        date(2026, 2, 1),
        Decimal("0.75"),
        timedelta(minutes=30),
        Reopening.CONTINUE,
        ("waiting_customer",),
        timedelta(days=14),
    )
    assert contract.waivers == WaiverRules(180, ("owner", "approver"))
    assert contract.availability == (
        AvailabilityTarget(
            "shop", Decimal("99.9"), f"{folder}/probes/shop.csv", timedelta(minutes=5), Decimal("98.5"), True
        ),
    )
    assert contract.backup_rule == BackupRule(media=3)
    (dataset,) = contract.datasets
    assert (dataset.rpo, dataset.rto) == (timedelta(hours=4), timedelta(hours=8))
    assert dataset.copies == (BackupCopy("pgbackrest", "onsite", False, {"stanza": "demo"}),)
    assert (dataset.restore_every, dataset.restore_evidence) == (timedelta(days=90), f"{folder}/evidence/*.yaml")
    assert contract.resources == Resources(
        450, f"{folder}/ledger/2026.csv", 1200, 3, Conversion(Decimal("1.2"), 1, 15, 6)
    )
    assert contract.costs == (
        Cost("monitoring", Period.MONTH, Decimal("120.00"), "EUR"),
        Cost("work", Period.HOUR, Decimal(95), "EUR"),
    )
    logo_at = Location("contracts/a.yaml", 41, 107)
    assert contract.report == ReportRules(
        "de", ("html", "pdf"), ("it@kunde.example",), 3, "ed25519", f"{folder}/l.png", "#1d4ed8", logo_at
    )


def test_the_least(write: Write) -> None:
    (contract,) = load_contracts(write("a.yaml", SMALL)).all
    assert contract.until is None
    assert contract.sla == SlaRules(date(2026, 1, 1))
    assert contract.waivers == WaiverRules(365, ())
    assert contract.priorities[0].remediation == Target(24, Unit.HOURS, ClockKind.REAL)
    assert (contract.backup_rule, contract.resources, contract.report) == (None, None, ReportRules())


def test_nothing_is_what_it_says(write: Write) -> None:
    """A pause of no time is none, and not one of the usual length."""
    (contract,) = load_contracts(write("a.yaml", SMALL + "sla: {max_pause: 0d, grace: 0h}\n")).all
    assert (contract.sla.max_pause, contract.sla.grace) == (timedelta(), timedelta())


def test_the_example_set_is_valid() -> None:
    with resources.as_file(resources.files("secaudit.config") / "examples" / "contracts") as folder:
        (contract,) = load_contracts(folder).all
    assert contract.customer == "example"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "contract/1",
            "contract/2",
            (
                "1:9: schema: expected 'secaudit.contract/1', found the text 'secaudit.contract/2' "
                "(did you mean 'secaudit.contract/1'?)"
            ),
        ),
        ("from: 2026-01-01", "from: 2026-02-30", "3:15: '2026-02-30' is not a day; write for example 2026-12-24"),
        (
            "2026-01-01}",
            "2026-01-01, until: 9999-12-31}",
            "3:34: 9999-12-31 is not between 1970 and 2199; leave out what has no end",
        ),
        ("from: 2026-01-01", "from: 1.1.2026", "3:15: '1.1.2026' is not a day; write for example 2026-12-24"),
        (
            "2026-01-01}",
            "2026-01-01, until: 2025-12-31}",
            "3:1: the contract ends on 2025-12-31, before it begins on 2026-01-01",
        ),
        ("Berlin", "Berln", "4:22: there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("mon-fri", "mon-fry", "4:45: 'mon-fry' is not a weekday; write mon, tue, … or a range such as mon-fri"),
        ("mon-fri", "fri-mon", "4:45: 'fri-mon' goes backwards; the week begins on Monday"),
        ('["08:00-17:00"]', "[]", "4:1: hours: 'mon-fri' has no opening; leave closed days out"),
        ('"08:00-17:00"', '"08:00"', "4:55: '08:00' is not a part of a day; write for example \"08:00-17:00\""),
        ('"08:00-17:00"', '"8:00-17:00"', "4:55: '8:00' is not a time of the day; write for example 08:00"),
        ('"08:00-17:00"', '"08:00-24:01"', "4:55: '24:01' is not a time of the day; write for example 08:00"),
        (
            '"08:00-17:00"',
            '"22:00-06:00"',
            "4:55: '22:00-06:00' ends before it begins; give the part after midnight to the next day",
        ),
        (
            '["08:00-17:00"]',
            '["08:00-12:00", "11:00-17:00"]',
            "4:54: the parts of a day overlap or are not in order",
        ),
        (
            "mon-fri: ",
            'wed: ["08:00-09:00"], mon-fri: ',
            "4:1: hours: 'mon-fri' and 'wed' name the same weekday",
        ),
        ("24h", "24", "5:57: time: expected text, found the number 24 (put it in quotes)"),
        (
            "24h",
            "a day",
            "5:57: 'a day' is not a promised time; write for example 30m, 4h, 30d or 5bd (business days)",
        ),
        (
            "24h",
            "0h",
            "5:57: '0h' is not a promised time; write for example 30m, 4h, 30d or 5bd (business days)",
        ),
        (
            "time: 24h",
            "time: 5d, clock: business",
            "5:37: 5d does not run on the business clock; write 5bd",
        ),
        (
            "time: 24h",
            "time: 24h, clock: calendar",
            "5:37: 24h does not run on the calendar clock; use real or business",
        ),
        (", remediation: {time: 24h}", "", "5:14: a priority needs response, remediation or both"),
        (
            "[critical]",
            "[critical, high, critical]",
            "5:42: severity 'critical' is there already (first at a.yaml:5)",
        ),
        ("calendar:", "calender:", "1:1: the key 'calendar' is missing"),
    ],
)
def test_bad_contracts(write: Write, old: str, new: str, message: str) -> None:
    assert old in SMALL
    path = write("a.yaml", SMALL.replace(old, new))
    assert f"a.yaml:{message}" in messages(lambda: load_contracts(path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sla: {warn_at: 1.5}", "warn_at: should be less than 1, found the number 1.5"),
        (
            "availability: [{service: a, target: 99, every: 0m}]",
            "a length of time of more than nothing is needed; write for example 5m",
        ),
        ("sla: {grace: soon}", "'soon' is not a length of time; write for example 30m, 4h, 90d or 2w"),
        ("waivers: {max_days: 700}", "max_days: should be less than or equal to 365, found the number 700"),
        ("waivers: {require: [aprover]}", "did you mean 'approver'?"),
        (
            "costs: [{service: a, per: month, amount: 120.00, currency: EUR}]",
            '120.0 lost its exact form; put money in quotes, for example "120.00"',
        ),
        (
            "costs: [{service: a, per: month, amount: '1', currency: eur}]",
            "'eur' is not a currency of ISO 4217; write for example EUR",
        ),
        ("resources: {included: 0.33, ledger: l}", "0.33 hours are not a whole number of minutes"),
        ("resources: {included: ten, ledger: l}", "'ten' are not hours; write for example 10 or 7.5"),
        (
            "resources: {included: 1, ledger: l, convert: {round: 0}}",
            "more than no hours are needed; write for example 0.25",
        ),
        ("report: {recipients: [nobody]}", "'nobody' is not a mail address"),
        (
            'report: {colour: "#ffd700"}',
            "'#ffd700' has a contrast of 1.40 to white; it needs 4.5, so take a darker one",
        ),
        ("report: {colour: red}", "'red' is not a colour; write for example \"#1d4ed8\""),
        (
            "availability: [{service: a, target: 99, source: a}, {service: a, target: 98, source: b}]",
            "service 'a' is there already",
        ),
        ("backup: {datasets: [{name: a, host: h, rpo: 1h}, {name: a, host: h, rpo: 1h}]}", "dataset 'a' is there"),
    ],
)
def test_bad_parts(write: Write, line: str, message: str) -> None:
    found = messages(lambda: load_contracts(write("a.yaml", f"{SMALL}{line}\n")))
    assert len(found) == 1
    assert found[0].startswith("a.yaml:6:")
    assert message in found[0]


@pytest.mark.parametrize(
    ("holidays", "message"),
    [
        ("country: XX", "the holidays of country 'XX' are not known; write an ISO 3166-1 code such as DE, AT or CH"),
        ("subdivision: BY", "the subdivision 'BY' needs its country"),
        ("{country: DE, subdivision: BYY}", "DE has no subdivision 'BYY'; did you mean 'BY'?"),
        ("extra: [2026-12-24, {date: 2026-12-24}]", "the day 2026-12-24 is there already"),
    ],
)
def test_bad_holidays(write: Write, holidays: str, message: str) -> None:
    block = holidays if holidays.startswith("{") else f"{{{holidays}}}"
    text = SMALL.replace("hours: {mon", f"holidays: {block}, hours: {{mon")
    assert message in messages(lambda: load_contracts(write("a.yaml", text)))[0]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("BYDAY=1SU", "needs FREQ="),
        ("FREQ=HOURLY", "needs FREQ="),
        (
            "FREQ=DAILY;COUNT=3",
            "'COUNT=3' is not one of FREQ=…, INTERVAL=…, BYMONTH=…, BYMONTHDAY=…, BYDAY=…, each once",
        ),
        ("FREQ=DAILY;BYHOUR=3", "'BYHOUR=3' is not one of"),
        ("FREQ=DAILY;FREQ=DAILY", "'FREQ=DAILY' is not one of"),
        ("FREQ=WEEKLY;BYDAY=XX", "'XX' is not a weekday such as MO, 1SU or -1FR"),
        ("FREQ=WEEKLY;BYDAY=1MO", "a weekday with a number needs FREQ=MONTHLY or YEARLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;INTERVAL=0", "'0' is not a number between 1 and 1000"),
        ("FREQ=YEARLY;BYMONTH=13", "'13' is not a number between 1 and 12"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes due"),
        ("FREQ=MONTHLY;BYDAY=6MO", "never comes due"),
        ("DTSTART:20260101T000000;FREQ=DAILY", "'DTSTART:20260101T000000' is not one of"),
    ],
)
def test_bad_rules_of_windows(write: Write, rule: str, message: str) -> None:
    window = f'maintenance_windows: [{{rrule: "{rule}", start: "02:00", minutes: 60}}]'
    text = SMALL.replace("hours: {mon", f"{window}, hours: {{mon")
    assert message in messages(lambda: load_contracts(write("a.yaml", text)))[0]


def test_contracts_of_a_customer_follow_one_another(write: Write) -> None:
    write("c/b.yaml", SMALL.replace("from: 2026-01-01", "from: 2025-01-01, until: 2025-12-31"))
    write("c/a.yaml", SMALL)
    write("c/c.yaml", SMALL.replace("id: muster", "id: zettel"))
    contracts = load_contracts(Path("c"))
    assert [contract.since.year for contract in contracts.of("muster")] == [2025, 2026]
    write("c/d.yaml", SMALL.replace("from: 2026-01-01", "from: 2025-12-31"))
    assert messages(lambda: load_contracts(Path("c"))) == [
        "c/d.yaml:3:15: customer 'muster' has another contract on 2025-12-31 (c/b.yaml is in force until 2025-12-31)",
        "c/a.yaml:3:15: customer 'muster' has another contract on 2026-01-01 (c/d.yaml is in force without an end)",
    ]
