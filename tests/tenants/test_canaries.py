"""One run over several customers: what is written about one holds nothing of any other, in every kind of output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.cli.ui_services import Sources, make_services
from secaudit.model.answer import Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, fingerprint
from secaudit.model.run import HostRecord
from secaudit.model.severity import Severity
from secaudit.plugins import discover
from secaudit.store import FindingFilter, Store, StoreError, open_store
from secaudit.transcript import digest
from secaudit.tui.exporting import Picked, report_of
from tests.store.scenes import a_run, a_transcript

CUSTOMERS = ("alder", "birch", "cedar")
BEGAN = datetime.now(UTC) - timedelta(hours=3)
RUN = "run-of-all"
MONTH = f"{BEGAN:%Y-%m}"

CONTRACT = """\
schema: secaudit.contract/1
customer: {{id: {customer}, name: Canary {customer}, number: V-{customer}}}
valid: {{from: 2020-01-01, until: 2099-12-31}}
calendar: {{timezone: UTC, hours: {{mon-fri: ["08:00-17:00"]}}}}
priorities:
  P1: {{from: [critical], response: {{time: 1h, clock: real}}, remediation: {{time: 24h, clock: real}}}}
report: {{language: en}}
"""

DELIVERY = """\
targets:
{targets}
subscriptions:
{subscriptions}
"""

TRACKER = """\
customer: {customer}
tracker: github
url: http://127.0.0.1:1
project: canary-{customer}/ops
secret: {{env: TRACKER_TOKEN}}
minimum: low
"""


def _host(customer: str) -> Host:
    return Host(customer, f"site-{customer}", f"host-{customer}", f"{customer}.example", tags=frozenset({customer}))


def _results(host: Host) -> tuple[Result, ...]:
    """One of each outcome; every text names the customer."""
    one = host.customer
    return tuple(
        Result(
            fingerprint=fingerprint(one, host.name, f"control-{one}", outcome.value),
            control=f"control-{one}",
            check="network.open-ports",
            family="network",
            title=f"title {one}",
            customer=one,
            site=host.site,
            host=host.name,
            subject=outcome.value,
            outcome=outcome,
            severity=Severity.CRITICAL,
            reason=f"reason {one}",
            kind=UnprovenKind.DENIED if outcome is Outcome.UNPROVEN else None,
            observed=f"observed {one}",
            expected=f"expected {one}",
            evidence=(Evidence(f"source {one}", 0, (1, 1), f"excerpt {one}"),),
            remediation=f"remedy {one}",
            references={"cis-v8": (f"reference {one}",)},
            baseline=f"baselines/base-{one}.yaml:3",
        )
        for outcome in Outcome
    )


def _record(store: Store) -> None:
    stamps = [BaselineStamp(f"base-{one}", 1, "ab" * 32) for one in CUSTOMERS]
    shared = replace(a_run(id=RUN), started=BEGAN, baselines=(*stamps, BaselineStamp("hidden-alder", 1, "cd" * 32)))
    store.begin(shared, [_host(one) for one in CUSTOMERS])
    for host in map(_host, CUSTOMERS):
        transcript = a_transcript(host, BEGAN, Reach.PARTIAL, uptime=f"up {host.customer}")
        names = (host.customer, host.site, host.name, host.address)
        entry = HostRecord(
            *names,
            Reach.PARTIAL,
            f"detail {host.customer}",
            "debian",
            "12",
            digest(transcript),
            f"Canary {host.customer}",
            (host.customer,),
        )
        store.record(shared, entry, _results(host), transcript)
    store.finish(replace(shared, finished=BEGAN + timedelta(minutes=5)))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a store of one run over all, and everybody's contract, tracker and subscription."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.sqlite"))
    monkeypatch.setenv("TRACKER_TOKEN", "t0ken")
    monkeypatch.setattr("secaudit.export.trackers.desk.PAUSE", 0.0)
    for name in ("contracts", "delivery", "trackers"):
        (tmp_path / name).mkdir()
    for one in CUSTOMERS:
        (tmp_path / "contracts" / f"{one}.yaml").write_text(CONTRACT.format(customer=one))
        (tmp_path / "trackers" / f"{one}.yaml").write_text(TRACKER.format(customer=one))
    targets = "\n".join(f"  to-{one}: {{directory: ./sent-{one}}}" for one in CUSTOMERS)
    told = "\n".join(f"  - {{customer: {one}, changes: [to-{one}], monthly: [to-{one}]}}" for one in CUSTOMERS)
    (tmp_path / "delivery" / "all.yaml").write_text(DELIVERY.format(targets=targets, subscriptions=told))
    with open_store(str(tmp_path / "store.sqlite")) as store:
        _record(store)
    return tmp_path


@pytest.fixture
def store(place: Path) -> Iterator[Store]:
    with open_store(str(place / "store.sqlite"), read_only=True) as opened:
        yield opened


def _clean(text: str, customer: str) -> None:
    """It is about the customer, and no other is named in it."""
    assert customer in text
    assert [one for one in CUSTOMERS if one != customer and one in text] == []


def _written(directory: Path) -> str:
    """The names and contents of all files below."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    assert files
    return "\n".join(f"{path.relative_to(directory)}\n{path.read_bytes().decode('utf-8', 'replace')}" for path in files)


FORMATS = sorted({entry.name for entry in entry_points(group="secaudit.formats")})


@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("chosen", [(), ("--run", RUN)], ids=["latest", "named"])
def test_a_report_in_every_format(
    place: Path, customer: str, name: str, chosen: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "--customer", customer, *chosen, "--format", name, "--out", "out"]) == 0
    _clean(_written(place / "out"), customer)
    assert not any(one in capsys.readouterr().err for one in CUSTOMERS)


def test_a_signed_report_names_nobody_else(place: Path) -> None:
    assert run(["keys", "new", "key"]) == 0
    assert run(["report", "--customer", "birch", "--sign", "key", "--out", "out"]) == 0
    _clean(_written(place / "out"), "birch")


def test_a_run_without_the_customer_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--customer", "nobody", "--run", RUN]) == 2
    assert "planned no host of nobody" in capsys.readouterr().err


@pytest.mark.parametrize("customer", CUSTOMERS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_month(place: Path, customer: str, language: str) -> None:
    argv = ["report", "--kind", "monthly", "--customer", customer, "--month", MONTH, "--lang", language, "--out", "out"]
    assert run(argv) == 0
    _clean(_written(place / "out"), customer)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_what_commands_print(place: Path, customer: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands = {
        "gate": ["gate"],
        "findings": ["findings", "list"],
        "findings as JSON": ["findings", "list", "--json"],
        "tracker": ["tracker", "list"],
        "runs": ["report", "--list"],
    }
    for name, argv in commands.items():
        assert run([*argv, "--customer", customer]) in (0, 1, 3), name
        out = capsys.readouterr().out
        assert [one for one in CUSTOMERS if one != customer and one in out] == [], name


def test_a_bill_of_materials(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["export", "sbom", "--from-store", "--host", "host-birch"])
    told = "".join(capsys.readouterr())
    assert "alder" not in told
    assert "cedar" not in told


def test_messages_and_attachments(place: Path) -> None:
    for customer in CUSTOMERS:
        assert run(["report", "--kind", "monthly", "--customer", customer, "--month", MONTH]) == 0
    run(["deliver", "--send"])
    run(["deliver", "--send", "--month", MONTH])
    for customer in CUSTOMERS:
        _clean(_written(place / "delivery" / f"sent-{customer}"), customer)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_what_the_dashboard_writes(place: Path, store: Store, customer: str) -> None:
    sources = Sources(str(place / "store.sqlite"), None, None, None, place / "shown")
    services = make_services(sources, discover(), read_only=True)
    assert services.open_report is not None
    assert services.export is not None
    services.open_report(RUN, customer)
    found = store.findings(FindingFilter(customer=customer))
    picked = [Picked(one.fingerprint, one.customer, one.host, one.last_run) for one in found]
    for name in FORMATS:
        services.export(report_of(store, picked), name)
    _clean(_written(place / "shown"), customer)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_the_view_itself(store: Store, customer: str) -> None:
    view = store.of(customer)
    other = next(one for one in CUSTOMERS if one != customer)
    seen = (
        view.runs(),
        view.latest_run(),
        view.report(RUN),
        view.hosts(),
        view.scans(BEGAN, BEGAN + timedelta(days=1)),
        view.scans_of(f"host-{customer}"),
        view.reach_change(f"host-{customer}"),
        view.host_results(f"host-{customer}"),
        view.transcript(RUN, f"host-{customer}"),
        view.findings(FindingFilter(customer=other)),
        tuple(view.every_finding(FindingFilter(host=None))),
        view.events(),
    )
    _clean(repr(seen), customer)
    assert view.count(FindingFilter(customer=other)) == len(view.findings(FindingFilter()))
    assert view.host_results(f"host-{other}") == ()
    assert view.scans_of(f"host-{other}") == ()
    with pytest.raises(StoreError):
        view.transcript(RUN, f"host-{other}")


def test_a_run_of_one_customer_keeps_all_its_baselines(store: Store, place: Path) -> None:
    assert [one.name for one in store.of("birch").report(RUN).run.baselines] == ["base-birch"]
    with open_store(str(place / "own.sqlite")) as own:
        alone = replace(a_run(id="alone"), baselines=(BaselineStamp("parent", 1, "ab" * 32),))
        own.begin(alone, [_host("alder")])
        assert [one.name for one in own.of("alder").report("alone").run.baselines] == ["parent"]
