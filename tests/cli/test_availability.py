"""`secaudit availability`: what its commands print, store, and how they end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secaudit.cli.month import month_record
from secaudit.config.contract import load_contracts
from secaudit.model.availability import Probe
from secaudit.model.hours import Month
from secaudit.store import open_store
from tests.command_line import Run, command_line

CONTRACT = """\
schema: secaudit.contract/1
customer: {id: muster, name: Muster GmbH, number: V-1}
valid: {from: 2026-01-01, until: 2026-06-30}
calendar:
  timezone: Europe/Berlin
  hours: {mon-fri: ["08:00-17:00"]}
  maintenance_windows: [{rrule: "FREQ=MONTHLY;BYDAY=1SU", start: "02:00", minutes: 240}]
priorities:
  P1: {from: [critical, high], response: {time: 1h}}
availability:
  - {service: shop, target: 99.9, source: ../probes/shop.csv, every: 1h, exclude: [maintenance_windows]}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in a directory with one contract and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECAUDIT_CONTRACTS", raising=False)
    monkeypatch.delenv("SECAUDIT_STORE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("contracts").mkdir()
    Path("contracts/muster.yaml").write_text(CONTRACT)

    return command_line(capsys, "availability")


@pytest.fixture
def port() -> Iterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def probed(port: int) -> str:
    """A contract in force that has a port probed every minute."""
    since = datetime.now(UTC).date() - timedelta(days=40)
    text = CONTRACT.replace("{from: 2026-01-01, until: 2026-06-30}", f"{{from: {since}}}")
    line = f"  - {{service: shop, target: 99.9, every: 1m, down_after: 2, probe: {{tcp: '127.0.0.1:{port}'}}}}\n"
    return text[: text.index("  - {service")] + line


def test_a_round_is_stored_and_not_repeated_too_early(run: Run, port: int) -> None:
    Path("contracts/muster.yaml").write_text(probed(port))
    assert run("probe", "--store", "store.sqlite")[:2] == (0, "muster/shop  up: answered\n")
    ended, out, err = run("probe", "--store", "store.sqlite")
    assert (ended, out, err) == (0, "", "No service is due.\n")
    assert run("probe", "--all", "--dry-run", "--store", "store.sqlite")[0] == 0
    now = datetime.now(UTC)
    with open_store("store.sqlite") as store:
        (probe,) = store.probes("muster", "shop", now - timedelta(hours=1), now + timedelta(hours=1))
    assert probe.is_up
    ended, out, _ = run("show", "muster", "--store", "store.sqlite")
    assert ended == 3, "a minute of a month is too little to tell"
    assert "not assessable" in out


def test_a_closed_port_is_down(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    Path("contracts/muster.yaml").write_text(probed(closed))
    ended, out, _ = run("probe", "--store", "store.sqlite")
    assert (ended, "down: Connection refused" in out) == (1, True)


def test_nothing_to_probe(run: Run) -> None:
    ended, _, err = run("probe", "--store", "store.sqlite")
    assert (ended, "no contract in force has a service to probe" in err) == (2, True)
    assert not Path("store.sqlite").exists()


def test_probes_of_the_future_are_refused(run: Run) -> None:
    """A year that was mistyped would never be noticed."""
    Path("contracts/muster.yaml").write_text(CONTRACT.replace(" source: ../probes/shop.csv,", ""))
    Path("april.csv").write_text("time,up\n2026-04-01T00:00:00Z,1\n2126-04-02T00:00:00Z,1\n")
    ended, out, err = run("import", "muster", "shop", "april.csv", "--store", "s.sqlite")
    assert (ended, out, err) == (2, "", "april.csv: nothing was added: 2126-04-02 00:00 UTC is still to come\n")
    assert not Path("s.sqlite").exists()
    Path("april.csv").write_text("time,up\n")
    assert run("import", "muster", "shop", "april.csv", "--store", "s.sqlite")[2] == "april.csv: no probe in it\n"


def test_imported_probes_count_once(run: Run) -> None:
    text = CONTRACT.replace(" source: ../probes/shop.csv,", "")
    Path("contracts/muster.yaml").write_text(text)
    lines = [f"2026-04-{hour // 24 + 1:02}T{hour % 24:02}:00:00+02:00,{int(hour != 200)}\n" for hour in range(720)]
    Path("april.csv").write_text("time,up\n" + "".join(lines))
    for added in (720, 0):
        out = run("import", "muster", "shop", "april.csv", "--store", "s.sqlite")[1]
        assert out == f"april.csv: {added} of 720 probes added, 2026-03-31 22:00 to 2026-04-30 21:00 UTC\n"
    assert run("import", "muster", "mail", "april.csv", "--store", "s.sqlite")[0] == 2
    ended, out, _ = run("show", "muster", "--month", "2026-04", "--store", "s.sqlite")
    assert (ended, "shop was down from 2026-04-09 06:00 UTC for 1h\n" in out) == (1, True)
    (shown,) = json.loads(run("show", "muster", "--month", "2026-04", "--store", "s.sqlite", "--json")[1])
    assert shown["outages"] == [{"from": "2026-04-09T06:00:00Z", "until": "2026-04-09T07:00:00Z", "detail": ""}]


@pytest.mark.parametrize(
    ("down", "hours", "ended", "state"),
    [(0, 720, 0, "met"), (1, 720, 1, "missed"), (0, 700, 3, "not assessable"), (0, 0, 3, "not assessable")],
)
def test_availability(run: Run, down: int, hours: int, ended: int, state: str) -> None:
    Path("probes").mkdir()
    lines = [f"2026-04-{hour // 24 + 1:02}T{hour % 24:02}:00:00+02:00,{int(hour >= down)}\n" for hour in range(hours)]
    Path("probes/shop.csv").write_text("time,up\n" + "".join(lines))
    found, out, _ = run("show", "muster", "--month", "2026-04")
    assert (found, state in out) == (ended, True)
    assert "4h" in out, "the first Sunday is planned"
    (shown,) = json.loads(run("show", "muster", "--month", "2026-04", "--json")[1])
    assert sum(shown["seconds"].values()) == 720 * 3600
    assert shown["from"] == "2026-03-31T22:00:00Z"


def test_availability_that_nobody_promised_or_measured(run: Run) -> None:
    assert run("show", "muster", "--month", "2027-04")[2] == "no contract of muster promises availability in 2027-04\n"
    Path("contracts/muster.yaml").write_text(CONTRACT.replace(", until: 2026-06-30", ""))
    assert run("show", "muster", "--month", "2150-01")[2] == "the month 2150-01 has not begun\n"
    assert run("import", "muster", "shp", "x.csv")[2].endswith("the availability of 'shp'; did you mean 'shop'?\n")
    assert run("show", "mustr")[2] == "there is no contract of mustr; did you mean 'muster'?\n"
    ended, _, err = run("show", "muster", "--month", "2026-04")
    assert (ended, "probes/shop.csv: cannot be read" in err) == (2, True)


def test_a_service_that_nothing_has_probed_hides_no_other(run: Run) -> None:
    own = "  - {service: mail, target: 99, probe: {tcp: '127.0.0.1:25'}}\n"
    Path("contracts/muster.yaml").write_text(CONTRACT + own)
    Path("probes").mkdir()
    lines = [f"2026-04-{hour // 24 + 1:02}T{hour % 24:02}:00:00+02:00,1\n" for hour in range(720)]
    Path("probes/shop.csv").write_text("time,up\n" + "".join(lines))
    ended, out, err = run("show", "muster", "--month", "2026-04", "--store", "s.sqlite")
    assert ended == 2, "a store that somebody names must be there"
    ended, out, err = run("show", "muster", "--month", "2026-04")
    assert (ended, "nothing has probed mail yet" in err) == (3, True)
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["shop", "mail"]
    assert " met " in out.splitlines()[1]
    assert "not assessable" in out.splitlines()[2]


def test_failures_in_a_row_are_counted_across_the_end_of_a_month(run: Run) -> None:
    """A row that begins in April is one in May as well; April itself knows its own part only, and stays as it was."""
    text = CONTRACT.replace("every: 1h,", "every: 1h, down_after: 2,")
    lines = [(f"2026-04-30T{hour:02}:00:00+02:00", hour < 23) for hour in range(24)]
    lines.append(("2026-05-01T00:00:00+02:00", False))
    Path("probes").mkdir()
    Path("probes/shop.csv").write_text("time,up\n" + "".join(f"{at},{int(is_up)}\n" for at, is_up in lines))
    Path("contracts/muster.yaml").write_text(text)
    (by_file,) = json.loads(run("show", "muster", "--month", "2026-04", "--json")[1])
    Path("contracts/muster.yaml").write_text(text.replace(" source: ../probes/shop.csv,", ""))
    assert run("import", "muster", "shop", "probes/shop.csv", "--store", "s.sqlite")[0] == 0
    (by_store,) = json.loads(run("show", "muster", "--month", "2026-04", "--json", "--store", "s.sqlite")[1])
    assert by_file["seconds"] == by_store["seconds"]
    assert (by_store["seconds"]["up"], by_store["seconds"]["down"]) == (23 * 3600, 0)
    assert by_store["seconds"]["unmeasured"] == (30 * 24 - 4 - 23) * 3600, "without 4 that were planned"
    (may,) = json.loads(run("show", "muster", "--month", "2026-05", "--json", "--store", "s.sqlite")[1])
    assert may["seconds"]["down"] == 3600


def test_an_import_with_a_mistake_stores_nothing(run: Run) -> None:
    Path("contracts/muster.yaml").write_text(CONTRACT.replace(" source: ../probes/shop.csv,", ""))
    Path("bad.csv").write_text("time,up\n2026-04-01T00:00:00Z,1\n2026-04-01T01:00:00,0\n")
    ended, out, err = run("import", "muster", "shop", "bad.csv", "--store", "s.sqlite")
    assert (ended, out) == (2, "")
    assert err.startswith("bad.csv:3:1: '2026-04-01T01:00:00' is not a time with its zone")
    assert not Path("s.sqlite").exists()


def test_of_two_probes_at_one_moment_the_failed_one_is_stored(run: Run) -> None:
    moment = datetime(2026, 4, 9, tzinfo=UTC)
    with open_store("s.sqlite") as store:
        for probes in ([Probe(moment, False), Probe(moment, True)], [Probe(moment, True)]):
            store.add_probes("muster", "shop", probes)
        assert store.probes("muster", "shop", moment, moment + timedelta(hours=1)) == (Probe(moment, False),)


def test_units_probe_every_minute(run: Run) -> None:
    ended, out, _ = run("units", "--user", "audit", "--store", "/var/lib/secaudit.sqlite")
    assert ended == 0
    assert "# secaudit-availability.timer" in out
    assert "Unit=secaudit-availability.service" in out
    assert f"availability probe --contracts {Path('contracts').resolve()} --store /var/lib/secaudit.sqlite" in out
    assert run("units", "--user", "no one")[0] == 2


def test_the_monthly_report_counts_probes_of_the_store(run: Run) -> None:
    Path("contracts/muster.yaml").write_text(CONTRACT.replace(" source: ../probes/shop.csv,", ""))
    contracts = load_contracts(Path("contracts"))
    later = datetime(2026, 5, 2, tzinfo=UTC)
    with open_store("store.sqlite") as store:
        nothing = month_record(store, contracts, "muster", Month(2026, 4), later)
        hours = (datetime(2026, 4, 9, tzinfo=UTC) + timedelta(hours=number) for number in range(48))
        store.add_probes("muster", "shop", [Probe(hour, hour.hour != 6) for hour in hours])
        found = month_record(store, contracts, "muster", Month(2026, 4), later)
    assert (nothing.availability, dict(nothing.unmeasured)) == ((), {"shop": "nothing has probed shop yet"})
    (measured,) = found.availability
    assert (measured.up, measured.down) == (timedelta(hours=46), timedelta(hours=2))
    assert [outage.start.day for outage in measured.outages] == [9, 10]
