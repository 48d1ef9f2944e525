"""`secaudit report --kind monthly`: from a store, a contract, a ledger and probes to the page and the paper."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.cli.exits import CommandError
from secaudit.cli.main import run
from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.export import results as results_file
from secaudit.model.answer import Reach
from secaudit.model.availability import Probe
from secaudit.model.hours import Month
from secaudit.model.outcome import Outcome
from secaudit.store import Store, open_store
from tests.reports.parsed import Page
from tests.store.scenes import DB, START, WEB, a_result, scan

# Two scans of October 2025: days are counted from 20 November 2026.
FIRST, SECOND = -410, -400
OCTOBER = Month(2025, 10)
AFTER = datetime(2026, 1, 1, tzinfo=UTC)

CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2025-01-01, until: 2025-12-31}
calendar: {timezone: Europe/Vienna, hours: {mon-fri: ["08:00-17:00"]}}
priorities:
  P1: {from: [critical], response: {time: 1h, clock: real}, remediation: {time: 24h, clock: real}}
  P2: {from: [high], response: {time: 4h, clock: business}, remediation: {time: 5bd}}
availability:
  - {service: shop, target: 99.9, source: probes/shop.csv, every: 5m}
resources: {included: 10, ledger: ledger.csv}
report: {language: de}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store of two scans and a contract, which is where commands run."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "muster.yaml").write_text(CONTRACT)
    (tmp_path / "contracts" / "ledger.csv").write_text("date,minutes,kind\n2025-10-06,90,support\n")
    with open_store(str(tmp_path / "store.db")) as store:
        scan(store, FIRST, WEB, a_result(WEB), a_result(WEB, "listening", "tcp/22", Outcome.PASSED))
        scan(store, SECOND, WEB, a_result(WEB, outcome=Outcome.PASSED), a_result(WEB, "listening", "tcp/22"))
        scan(store, SECOND + 1, DB, a_result(DB, "exposed", outcome=Outcome.UNPROVEN), reach=Reach.PARTIAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECAUDIT_STORE", str(tmp_path / "store.db"))
    return tmp_path


@pytest.fixture
def store(place: Path) -> Iterator[Store]:
    with open_store(str(place / "store.db"), read_only=True) as opened:
        yield opened


def test_a_month_is_gathered_as_it_stood(place: Path, store: Store) -> None:
    contracts = load_contracts(place / "contracts")
    record = month_record(store, contracts, "muster", OCTOBER, AFTER)
    assert record.begin == datetime(2025, 9, 30, 22, tzinfo=UTC)
    assert record.until == record.end == datetime(2025, 10, 31, 23, tzinfo=UTC), "one hour more, the clocks went back"
    assert [(host.record.host, host.scanned is not None) for host in record.hosts] == [("db1", True), ("web1", True)]
    assert len(record.scans) == 3
    lives = {found.control: found.lives[-1] for found in record.findings}
    assert lives["open-ports"].resolved == START + timedelta(days=SECOND)
    assert lives["listening"].resolved is None
    assert record.hours is not None
    assert record.hours.support.used == 90
    assert record.unmeasured == {"shop": "shop.csv: cannot be read: No such file or directory"}
    assert record.language == "de"


def test_what_happened_later_is_not_told(place: Path, store: Store) -> None:
    between = START + timedelta(days=FIRST + 5)
    record = month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER, between)
    assert record.until == between
    assert [found.control for found in record.findings] == ["open-ports"]
    assert record.findings[0].lives[-1].resolved is None


def test_the_month_after_has_hosts_that_were_not_scanned(place: Path, store: Store) -> None:
    record = month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER.following, AFTER)
    assert [(host.scanned, host.results) for host in record.hosts] == [(None, ()), (None, ())]
    later = month_record(store, load_contracts(place / "contracts"), "muster", OCTOBER.following.following, AFTER)
    assert later.hosts == (), "hosts that nobody scans any more have left"


def test_a_month_that_has_not_begun_and_a_customer_nobody_knows_are_refused(place: Path, store: Store) -> None:
    contracts = load_contracts(place / "contracts")
    with pytest.raises(CommandError, match="the month 2026-02 has not begun"):
        month_record(store, contracts, "muster", Month(2026, 2), AFTER)
    with pytest.raises(CommandError, match="knows the customer 'nobody'"):
        month_record(store, contracts, "nobody", OCTOBER, AFTER)


def test_the_command_writes_the_page_in_the_contracts_language(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]) == 0
    path = place / "out" / "muster" / "monthly-2025-10-de.html"
    assert capsys.readouterr().out.strip() == "out/muster/monthly-2025-10-de.html\nout/muster/index.html"
    page = Page(path.read_bytes())
    assert page.all("html")[0].attributes["lang"] == "de"
    states = {
        one.attributes["data-promise"]: one.attributes["data-state"]
        for one in page.all("tr")
        if "data-promise" in one.attributes
    }
    assert states["firewall"] == "failed"
    assert states["availability"] == "unproven"
    assert states["patches"] == "unproven", "no check looks at patches here"
    assert states["hours"] == "passed"
    assert str(place) not in path.read_text(), "where files lie is no customer's business"


@pytest.mark.parametrize(
    ("arguments", "language"),
    [
        (["--customer", "muster"], "de"),
        (["--customer", "muster", "--lang", "en"], "en"),
        ([], "en"),
        (["--lang", "de"], "de"),
    ],
)
def test_the_technical_report_is_in_the_contracts_language_or_the_one_asked_for(
    place: Path, arguments: list[str], language: str
) -> None:
    assert run(["report", *arguments]) == 0
    page = Page((place / "out" / "report.html").read_bytes())
    assert page.all("html")[0].attributes["lang"] == language
    assert ("Technischer Bericht" in page.all("h1")[0].text) == (language == "de")
    assert json.loads((place / "out" / "results.json").read_text())["results"], "data are the same in every language"


def test_data_are_the_same_in_every_language(place: Path) -> None:
    assert run(["report", "--lang", "de", "--format", "json", "--out", "german"]) == 0
    assert run(["report", "--lang", "en", "--format", "json", "--out", "english"]) == 0
    german, english = ((place / name / "results.json").read_bytes() for name in ("german", "english"))
    assert german == english


def test_a_technical_report_in_a_language_nobody_speaks_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "--lang", "fr"]) == 2
    assert "does not speak 'fr'" in capsys.readouterr().err


def test_the_command_speaks_english_when_asked(place: Path) -> None:
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--lang", "en"]) == 0
    assert "We broke" in (place / "out" / "muster" / "monthly-2025-10-en.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "monthly", "--month", "2024-10"], "no contract is in force in 2024-10"),
        (["--kind", "monthly", "--due", "--month", "2025-10"], "--due finds the month that is due"),
        (["--kind", "monthly", "--due", "--customer", "nobody"], "there is no contract of nobody"),
        (["--due"], "--due is for --kind monthly"),
        (["--kind", "monthly", "--customer", "muster", "--run", "x"], "--run is for --kind technical"),
        (["--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--lang", "fr"], "does not speak 'fr'"),
        (["--kind", "monthly", "--customer", "muster", "--format", "sarif"], "has no format sarif"),
        (["--month", "2025-10"], "--month is for --kind monthly"),
    ],
)
def test_what_does_not_fit_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["report", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_chromium_there_is_no_pdf_and_a_reason(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secaudit.cli.paper.BROWSERS", ("no-such-browser",))
    arguments = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--format", "html,pdf"]
    assert run(arguments) == 2
    assert "PDF needs Chromium" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_the_contract_says_which_formats_are_written(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secaudit.cli.paper.BROWSERS", ("no-such-browser",))
    contract = place / "contracts" / "muster.yaml"
    contract.write_text(contract.read_text().replace("report: {", "report: {formats: [html, pdf], "))
    arguments = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]
    assert run(arguments) == 2
    assert "PDF needs Chromium" in capsys.readouterr().err
    assert run([*arguments, "--format", "html"]) == 0


@pytest.mark.browser
def test_the_command_prints_to_pdf(place: Path) -> None:
    arguments = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10", "--format", "pdf"]
    assert run(arguments) == 0
    assert (place / "out" / "muster" / "monthly-2025-10-de.pdf").read_bytes().startswith(b"%PDF-")


def test_the_index_lists_every_report_that_lies_beside_it(place: Path) -> None:
    month = ["report", "--kind", "monthly", "--customer", "muster", "--month"]
    assert run([*month, "2025-10"]) == 0
    assert run([*month, "2025-10", "--lang", "en"]) == 0
    (place / "out" / "muster" / "notes.txt").write_text("not a report")
    assert run([*month, "2025-11"]) == 0
    folder = place / "out" / "muster"
    index = Page((folder / "index.html").read_bytes())
    links = [one.attributes["href"] for one in index.all("a")]
    assert links == ["monthly-2025-11-de.html", "monthly-2025-10-de.html", "monthly-2025-10-en.html"]
    digests = {one.text for one in index.all("code")}
    assert digests == {hashlib.sha256((folder / link).read_bytes()).hexdigest() for link in links if link}
    assert not list(folder.glob(".*"))


def test_two_customers_do_not_write_over_each_other(place: Path) -> None:
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]) == 0
    before = (place / "out" / "muster" / "index.html").read_bytes()
    assert run(["report", "--kind", "monthly", "--customer", "nobody", "--month", "2025-10"]) == 2
    assert run(["report", "--kind", "monthly", "--customer", "../muster", "--month", "2025-10"]) == 2
    assert (place / "out" / "muster" / "index.html").read_bytes() == before


def test_the_fleet_page_says_what_the_store_says(place: Path, store: Store) -> None:
    assert run(["report", "--kind", "fleet", "--lang", "de"]) == 0
    page = Page((place / "out" / "fleet-de.html").read_bytes())
    rows = [one for one in page.all("tr") if "data-customer" in one.attributes]
    assert [row.attributes["data-customer"] for row in rows] == [one.customer for one in store.customers()]
    assert "Intern" in page.all("header")[0].text


@pytest.mark.parametrize("arguments", [["--customer", "muster"], ["--month", "2025-10"], ["--lang", "fr"]])
def test_the_fleet_takes_no_customer_and_no_month(place: Path, arguments: list[str]) -> None:
    assert run(["report", "--kind", "fleet", *arguments]) == 2


def test_page_one_appendix_results_file_and_dashboard_count_alike(place: Path, store: Store) -> None:
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]) == 0
    page = Page((place / "out" / "muster" / "monthly-2025-10-de.html").read_bytes())
    newest = {one.record.host: one.run for one in store.hosts("muster")}
    files = {name: json.loads(results_file.render(store.report(name))) for name in set(newest.values())}
    told = [
        one["outcome"]
        for name, file in files.items()
        for one in file["results"]
        if one["customer"] == "muster" and newest[one["host"]] == name
    ]
    dashboard = [tally for tallies in store.open_tallies("muster").values() for tally in tallies]
    failed = sum(tally.count for tally in dashboard if tally.outcome is Outcome.FAILED)
    unproven = sum(tally.count for tally in dashboard if tally.outcome is Outcome.UNPROVEN)
    assert failed == told.count("failed") == len(page.marked("fnd")) == int(page.identified("open-after").text) > 0
    assert unproven == told.count("unproven") == int(page.identified("unproven-count").text.split()[0]) > 0
    assert run(["report", "--kind", "fleet"]) == 0
    fleet = Page((place / "out" / "fleet-en.html").read_bytes())
    (row,) = (one for one in fleet.all("tr") if one.attributes.get("data-customer") == "muster")
    assert f"broken {failed}" in " ".join(row.text.split())


def a_png(width: int = 120, height: int = 40) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_report(place: Path, keys: str) -> None:
    (place / "contracts" / "muster.yaml").write_text(CONTRACT.replace("{language: de}", f"{{language: de, {keys}}}"))


def test_the_logo_is_in_the_page_and_nothing_is_fetched(place: Path) -> None:
    (place / "contracts" / "logo.png").write_bytes(a_png())
    with_report(place, "logo: logo.png")
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]) == 0
    page = (place / "out" / "muster" / "monthly-2025-10-de.html").read_text(encoding="utf-8")
    assert f'<img src="data:image/png;base64,{base64.b64encode(a_png()).decode()}" alt="">' in page
    assert "img-src data:;" in page


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "not a whole PNG"),
        (a_png()[:-6], "not a whole PNG"),
        (a_png(5000, 1), "5000 by 1 pixels"),
        (a_png() + b"\0" * 300_000, "more than 256 KiB"),
        (None, "No such file"),
    ],
)
def test_what_is_no_logo_is_refused(
    place: Path, content: bytes | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (place / "contracts" / "logo.png").write_bytes(content)
    with_report(place, "logo: logo.png")
    assert run(["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]) == 2
    told = capsys.readouterr().err
    assert "contracts/muster.yaml:11:30: the logo " in told
    assert says in told
    assert "a PNG of at most 256 KiB" in told
    assert not (place / "out").exists()


def test_a_report_that_is_promised_signed_is_not_written_unsigned(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_report(place, "sign: ed25519")
    month = ["report", "--kind", "monthly", "--customer", "muster", "--month", "2025-10"]
    assert run(month) == 2
    assert "promises signed reports" in capsys.readouterr().err
    assert run(["keys", "new", "audit.key"]) == 0
    assert run([*month, "--sign", "audit.key"]) == 0
    assert run(["verify", "out/muster/monthly-2025-10-de.html", "--key", "audit.key.pub", "--against-store"]) == 0


def test_the_statement_names_every_run_of_the_month_and_what_people_wrote(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "new", "audit.key"]) == 0
    report = ["report", "--customer", "muster", "--month", "2025-10", "--kind", "monthly", "--out", "out"]
    assert run([*report, "--sign", "audit.key"]) == 0
    with open_store(str(place / "store.db"), read_only=True) as store:
        runs = [scan.run for scan in store.scans("muster", datetime(2025, 10, 1, tzinfo=UTC), AFTER)]
    (signed,) = (place / "out" / "muster").glob("monthly-*.html.intoto.json")
    payload = json.loads(base64.b64decode(json.loads(signed.read_bytes())["payload"]))
    assert payload["predicate"]["runs"] == runs
    assert payload["predicate"]["files"] == {
        name: hashlib.sha256((place / name).read_bytes()).hexdigest()
        for name in ("contracts/ledger.csv", "contracts/muster.yaml")
    }
    capsys.readouterr()
    page = str(signed).removesuffix(".intoto.json")
    assert run(["verify", page, "--key", "audit.key.pub", "--against-store"]) == 0


def test_an_outage_that_is_taken_out_of_the_store_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(str(place / "store.db")) as store:
        store.add_probes("muster", "shop", [Probe(AFTER, False, "status 503"), Probe(AFTER + timedelta(hours=1), True)])
    assert run(["verify"]) == 0
    assert "2 probes of services" in capsys.readouterr().out
    with sqlite3.connect(place / "store.db") as connection:
        connection.execute("update service_probe set up = 1")
    connection.close()
    assert run(["verify"]) == 1
    assert "CHANGED  service muster/shop: 1 probe changed or removed" in capsys.readouterr().err
