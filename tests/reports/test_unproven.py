"""What is unproven is unproven everywhere: no promise is met without its proof, and all numbers are one number."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secaudit.reports.language import Language
from secaudit.reports.monthly import render
from secaudit.reports.monthly.build import build
from secaudit.reports.monthly.proofs import PROOFS
from secaudit.reports.monthly.report import DoubtKind, MonthlyReport, Part, Promise, PromiseId
from secaudit.reports.monthly.sentences import line
from secaudit.reports.states import State
from secaudit.reports.technical import render as render_technical

from secaudit.cli.fleet_record import fleet_record
from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.export import results as results_file
from secaudit.model.answer import Reach
from secaudit.model.contract import Contracts
from secaudit.model.hours import Month
from secaudit.model.inventory import Host
from secaudit.model.month import HostAtEnd, MonthRecord
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.severity import Severity
from secaudit.store import Store, open_store
from tests.reports import monthly_sample, sample
from tests.reports.parsed import Page
from tests.store.scenes import a_result, a_run, record, waived

OCTOBER = Month(2026, 10)


def with_checks(*checks: str, hosts: Sequence[str] = ("web1",)) -> MonthRecord:
    """A month of whole scans in which these checks passed, and nothing else was looked at."""
    return replace(
        monthly_sample.record(),
        contract=None,
        hosts=tuple(host_with(host, *checks) for host in hosts),
        findings=(),
        scans=(),
        sightings={},
        host_changes=(),
    )


def host_with(host: str, *checks: str) -> HostAtEnd:
    results = (
        replace(sample.result("clock", host, Outcome.PASSED, check), check=check, family=check.partition(".")[0])
        for check in checks
    )
    return HostAtEnd(replace(sample.HOSTS[0], host=host), sample.STARTED, tuple(results), "run")


def promise(month: MonthRecord, wanted: PromiseId) -> Promise:
    return next(one for one in build(month).promises if one.id is wanted)


@pytest.mark.parametrize(
    ("wanted", "checks", "lacking"),
    [
        (PromiseId.HARDWARE, ["resilience.failed-services", "resilience.time-sync"], "RAID arrays"),
        (PromiseId.HARDWARE, ["resilience.raid-degraded"], "device health and failover"),
        (PromiseId.HARDWARE, [], "failover"),
        (PromiseId.VERSIONS, ["patch.end-of-life"], "deployed versions"),
        (PromiseId.VERSIONS, ["patch.release-behind"], "supported releases"),
        (PromiseId.VERSIONS, ["patch.pending-security"], "supported releases"),
        (PromiseId.PATCHES, ["patch.automatic-updates", "patch.held-packages"], "security updates"),
        (PromiseId.FIREWALL, ["firewall.drop-logging", "network.open-ports"], "rules of the packet filter"),
        (PromiseId.FIREWALL, ["firewall.default-policy"], "open ports"),
        (PromiseId.OTHER_BACKUPS, ["host.clock-skew"], "fresh backups"),
    ],
)
def test_a_promise_with_part_of_its_proof_is_unproven_and_says_what_is_missing(
    wanted: PromiseId, checks: list[str], lacking: str
) -> None:
    month = with_checks(*checks)
    found = promise(month, wanted)
    assert found.state is State.UNPROVEN
    assert lacking in line(found, build(month), Language("en", "UTC")).text
    assert lacking.partition(" and ")[0] in Page(render(month, "en")).identified("gaps").text


@pytest.mark.parametrize("wanted", [one for one, proofs in PROOFS.items() if all(proof.checks for proof in proofs)])
def test_a_promise_with_its_whole_proof_is_met(wanted: PromiseId) -> None:
    checks = [proof.checks[0].replace("*", "borg-freshness") for proof in PROOFS[wanted]]
    assert promise(with_checks(*checks), wanted).state is State.PASSED


def test_a_host_that_no_check_of_a_part_looked_at_is_named() -> None:
    month = with_checks("firewall.default-policy", "network.open-ports", hosts=("web1", "web2"))
    month = replace(month, hosts=(month.hosts[0], host_with("web2", "network.open-ports")))
    found = promise(month, PromiseId.FIREWALL)
    assert found.state is State.UNPROVEN
    assert [(one.part, one.names) for one in found.doubts] == [(Part.FILTER, ("web2",))]
    assert "on 1 host" in line(found, build(month), Language("en", "UTC")).text
    assert "no check on web2" in Page(render(month, "en")).identified("gaps").text


CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2026-01-01, until: 2026-12-31}
calendar: {timezone: Europe/Vienna, hours: {mon-fri: ["08:00-17:00"]}}
priorities:
  P1: {from: [critical, high], response: {time: 1h, clock: real}, remediation: {time: 24h, clock: real}}
"""
AVAILABILITY = """\
availability:
  - {service: shop, target: 99.9, source: probes/shop.csv, every: 5m}
"""
HOURS = "resources: {included: 10, ledger: ledger.csv}\n"
BACKUPS = """\
backup:
  datasets:
    - name: shop-db
      host: h0
      rpo: 24h
      copies:
        - {tool: borg, place: onsite}
        - {tool: restic, place: cloud, repo_ref: offsite1}
"""
RULE = """\
      restore_test: {every: 90d, evidence: restore/*.yaml}
  rule: {copies: 3, media: 2, offsite: 1, immutable: 1, errors: 0}
"""

CHECKS = (
    ("firewall.default-policy", ""),
    ("network.open-ports", "tcp/22"),
    ("patch.pending-security", "openssl"),
    ("patch.end-of-life", ""),
    ("resilience.raid-degraded", "md0"),
    ("resilience.time-sync", ""),
    ("backup.borg-freshness", "shop-db"),
    ("backup.restic-freshness", "offsite1"),
    ("host.clock-skew", ""),
)

outcomes = st.sampled_from([*Outcome, "waived", "waived unproven", None])
hosts = st.fixed_dictionaries(
    {
        "reach": st.sampled_from([Reach.COMPLETE, Reach.COMPLETE, Reach.PARTIAL, Reach.UNREACHABLE]),
        "newest": st.sampled_from([27, 27, 0]),
        "earlier": st.lists(outcomes, min_size=len(CHECKS), max_size=len(CHECKS)),
        "results": st.lists(outcomes, min_size=len(CHECKS), max_size=len(CHECKS)),
    }
)
contracts = st.sampled_from(
    [
        "",
        CONTRACT,
        CONTRACT + AVAILABILITY,
        CONTRACT + HOURS,
        CONTRACT + BACKUPS,
        CONTRACT + AVAILABILITY + HOURS + BACKUPS + RULE,
    ]
)


@settings(max_examples=30)
@given(st.lists(hosts, min_size=0, max_size=3), contracts)
def test_every_place_says_the_same_of_what_is_unproven(drawn: list[dict[str, object]], contract: str) -> None:
    """Hosts that were scanned in September and again at the end of October, or in September only."""
    if not drawn and not contract:
        return
    with TemporaryDirectory() as folder:
        place = Path(folder)
        if contract:
            (place / "contract.yaml").write_text(contract)
        known = load_contracts(place / "contract.yaml") if contract else Contracts(())
        with open_store(str(place / "store.db")) as store:
            fill(store, drawn)
            month = month_record(store, known, "muster", OCTOBER, datetime(2026, 11, 2, tzinfo=UTC))
            report = build(month)
            page = Page(render(month, "de"))
            agree_within(report)
            agree_on_the_page(report, page)
            agree_with_the_store(store, report, all(one["newest"] == 27 for one in drawn))


def fill(store: Store, drawn: list[dict[str, object]]) -> None:
    for day, which in ((0, "earlier"), (27, "results")):
        made = a_run(day, f"run-{day}")
        made = replace(made, started=datetime(2026, 9, 28, 2, tzinfo=UTC) + timedelta(days=day + (5 if day else 0)))
        scanned = [
            (Host("muster", "vienna", f"h{at}", f"10.0.0.{at}"), one)
            for at, one in enumerate(drawn)
            if day == 0 or one["newest"] == 27
        ]
        store.begin(made, [host for host, _ in scanned])
        for host, one in scanned:
            reach = one["reach"]
            assert isinstance(reach, Reach)
            record(store, made, host, results(host, one[which], reach, which == "results", one["earlier"]), reach)
        store.finish(replace(made, finished=made.started + timedelta(minutes=5)))


def results(host: Host, drawn: object, reach: Reach, is_last: bool, earlier: object) -> list[Result]:
    assert isinstance(drawn, list)
    assert isinstance(earlier, list)
    found = []
    for (check, subject), outcome, before in zip(CHECKS, drawn, earlier, strict=True):
        if outcome is None and (not is_last or before is None):
            continue
        said = outcome if outcome is not None and reach is not Reach.UNREACHABLE else Outcome.UNPROVEN
        family, _, control = check.partition(".")
        made = {"waived": Outcome.FAILED, "waived unproven": Outcome.UNPROVEN}.get(said) or Outcome(said)
        one = replace(a_result(host, control, subject, made), check=check, family=family, severity=Severity.MEDIUM)
        found.append(waived(one) if said.startswith("waived") else one)
    return found


def agree_within(report: MonthlyReport) -> None:
    """A promise is unproven exactly when the list says so and nothing broke it; sections show nothing else."""
    for one in report.promises:
        concerned = [doubt for doubt in report.doubts if one.id in doubt.promises]
        if one.state is not State.FAILED:
            assert (one.state is State.UNPROVEN) == bool(concerned), one
    for one in report.promises:
        if any(doubt.kind is DoubtKind.RESULTS for doubt in one.doubts):
            assert 0 < one.unproven <= report.unproven
    kinds = {kind: list(group) for kind, group in groupby(report.doubts, lambda doubt: doubt.kind)}
    counted = {kind: sum(doubt.count for doubt in group) for kind, group in kinds.items()}
    assert counted.get(DoubtKind.RESULTS, 0) == report.unproven
    assert counted.get(DoubtKind.SCANS, 0) == report.scans - report.complete_scans
    cells = [
        getattr(row, part).state
        for row in report.rules
        for part in ("copies", "media", "offsite", "immutable", "errors")
    ]
    tests = [row for row in report.rules if row.restore_every is not None]
    assert counted.get(DoubtKind.RULE, 0) == cells.count(State.UNPROVEN) + len(tests)
    unseen = [host.record.host for host in report.hosts if host.scanned is None]
    assert counted.get(DoubtKind.UNSCANNED, 0) == len(unseen)


def agree_on_the_page(report: MonthlyReport, page: Page) -> None:
    gaps = page.identified("gaps")
    rows = [one for one in page.marked("gap") if one.tag == "tr"]
    assert len(rows) == len(report.doubts)
    assert ("Es fehlt kein Nachweis" in gaps.text) == (not report.doubts)
    count = page.identified("unproven-count").text
    assert (re.match(r"\d+", count) or [0])[0] == (str(report.unproven) if report.doubts else 0)
    steps = [one.text for one in page.marked("next") if "Abschnitt 9" in one.text]
    assert bool(steps) == bool(report.doubts)
    if steps:
        assert f"{len(report.doubts)} Punkt" in steps[0]
    told = [one.attributes["data-promise"] for one in page.all("tr") if one.attributes.get("data-state") == "unproven"]
    assert told == [one.id.value for one in report.promises if one.state is State.UNPROVEN]
    # No place of the page shows something as unproven of which section 9 knows nothing.
    if not report.doubts:
        assert not page.marked("unk")


def agree_with_the_store(store: Store, report: MonthlyReport, all_newest: bool) -> None:
    now = datetime(2026, 11, 2, tzinfo=UTC)
    if not report.hosts or not all_newest:
        return
    newest = store.latest_run()
    assert newest is not None
    whole = store.report(newest.id)
    data = json.loads(results_file.render(whole))
    dashboard = sum(one.unproven for one in store.clocks(now, now, now))
    fleet = fleet_record(store, now, "UTC", "en")
    families = sum(one.unproven for customer in fleet.customers for one in customer.families)
    assert report.unproven == data["summary"]["unproven"] == families
    assert dashboard == sum(customer.unproven for customer in fleet.customers)
    # A scan that stopped early settles no finding: what was unproven before it stays so, and the report says that too.
    left = [doubt.count for doubt in report.doubts if doubt.kind is DoubtKind.FINDINGS]
    assert report.unproven <= dashboard <= report.unproven + sum(left)
    if report.scans == report.complete_scans:
        assert dashboard == report.unproven
    incomplete = [host for host in data["hosts"] if host["status"] != "complete"]
    technical = render_technical(whole).decode()
    said = "Every check gave an answer." in technical
    assert not said or not (report.unproven or incomplete or unjudged(data))
    assert ("Nothing is unproven." in technical) == (
        bool(data["results"]) and not report.unproven and not incomplete and not unjudged(data)
    )


def unjudged(data: dict[str, list[dict[str, str]]]) -> set[str]:
    return {host["host"] for host in data["hosts"]} - {one["host"] for one in data["results"]}
