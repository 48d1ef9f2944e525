"""`secaudit scan local` from the command line: outputs, exit codes, replay, and what goes wrong around it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from secaudit.cli.main import run

PLUGIN = """
from collections.abc import Iterator
from dataclasses import dataclass
from secaudit.api import *

SLEEP = Command(("sleep", "31.4159"))

@dataclass(frozen=True, slots=True)
class Slept:
    ended: bool

class Nothing(Expect):
    "Nothing."

@collector(Slept, [SLEEP])
def slept(asked: Answers) -> Slept:
    asked.ended(SLEEP)
    return Slept(True)

@check("slow.sleep", title="Sleeps", severity=Severity.HIGH, requires=[Slept], expect=Nothing, remediation="None.")
def sleeps(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    "Sleeps."
    yield passed(observed="", expected="")
"""


NAP = "31.4159"


def runs(*argv: str) -> bool:
    """Whether a process with this command line is there."""
    wanted = "\0".join(argv).encode() + b"\0"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == wanted:
                return True
    return False


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory and a store of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("SECAUDIT_STORE", "SECAUDIT_INVENTORY", "SECAUDIT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def baseline(tmp_path: Path) -> str:
    """One control that this machine passes and one that it fails."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "baseline: own\nversion: 3\ncontrols:\n"
        "  clock: {check: host.clock-skew, severity: high, expect: {max: 1h}}\n"
        "  room: {check: host.filesystem-usage, expect: {used: 99, inodes: 99, mounts: {/: {used: 1}}}}\n"
    )
    return str(path)


def results(path: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_a_scan_writes_what_it_found_and_the_gate_judges_it(
    baseline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formats = "html,json,sarif,junit,csv"
    assert run(["scan", "local", "--baseline", baseline, "--out", "out", "--format", formats]) == 0

    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.html", "results.json", "results.sarif", "junit.xml", "results.csv"}
    shown = capsys.readouterr().out
    assert "MEDIUM" in shown
    assert "room /:" in shown
    assert [line for line in shown.splitlines() if ": out/" in line] == [
        "HTML: out/report.html",
        "JSON: out/results.json",
        "SARIF: out/results.sarif",
        "JUnit: out/junit.xml",
        "CSV: out/results.csv",
    ]
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["run"]["baselines"][0]["name"] == "own"
    assert {result["outcome"] for result in found["results"]} == {"passed", "failed"}

    assert run(["gate"]) == 0
    assert run(["gate", "--fail-on", "medium"]) == 1
    assert run(["gate", "--fail-on", "medium", "out/results.json"]) == 1
    assert run(["scan", "local", "--baseline", baseline, "--fail-on", "medium", "--quiet"]) == 1
    assert run(["gate", "--fail-on", "medium", "--new-only"]) == 0, "it was there before the second scan"


def test_json_goes_to_stdout_alone(baseline: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--format", "json", "--no-store"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "secaudit.results/1"


def test_a_replay_gives_the_same_bytes(baseline: str, tmp_path: Path) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--record", "bundle", "--out", "live", "--quiet"]) == 0
    assert run(["scan", "replay:bundle", "--baseline", baseline, "--out", "again", "--quiet"]) == 0
    assert run(["scan", "replay:bundle", "--out", "recorded", "--quiet"]) == 0, "the recorded baseline"

    live = (tmp_path / "live" / "results.json").read_bytes()
    assert (tmp_path / "again" / "results.json").read_bytes() == live
    assert (tmp_path / "recorded" / "results.json").read_bytes() == live
    assert (tmp_path / "again" / "report.html").read_bytes() == (tmp_path / "live" / "report.html").read_bytes()


def test_a_replay_says_what_was_not_recorded(baseline: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--record", "bundle", "--no-store", "--quiet"]) == 0

    assert run(["scan", "replay:bundle", "--baseline", "linux-server", "--only", "firewall.*", "--fail-on", "low"]) == 3

    assert "not recorded" in capsys.readouterr().out


def test_stored_answers_are_judged_again(baseline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--quiet"]) == 0
    stored = sqlite3.connect(next((tmp_path / "state").rglob("*.sqlite")))
    before = stored.execute("SELECT count(*) FROM run").fetchone()
    (tmp_path / "own.yaml").write_text(
        "baseline: own\nversion: 4\ncontrols:\n"
        "  room: {check: host.filesystem-usage, expect: {used: 99, inodes: 99, mounts: {/: {used: 99}}}}\n"
        "  flaws: {check: patch.advisories-overdue, expect: {feed_max_age: 3d}}\n"
    )
    again = ["scan", "--from-store", "latest", "--baseline", baseline, "--feeds", "none", "--format", "json"]
    capsys.readouterr()
    assert run(again) == 0
    found = {result["control"]: result for result in json.loads(capsys.readouterr().out)["results"]}
    assert (found["room"]["outcome"], found["flaws"]["outcome"]) == ("passed", "unproven")
    assert stored.execute("SELECT count(*) FROM run").fetchone() == before, "nothing is stored"
    stored.close()

    (tmp_path / "site.yaml").write_text(
        "customer: {id: muster, name: Muster}\nsites:\n  vienna:\n    hosts:\n"
        f"      web1: {{address: 192.0.2.1, baselines: [{baseline}]}}\n"
    )
    assert run([*again, "--inventory", "site.yaml"]) == 3
    (host,) = json.loads(capsys.readouterr().out)["hosts"]
    assert (host["status"], host["detail"]) == ("unreachable", "the store holds no complete scan of this host")


def test_the_stored_fleet_is_held_against_the_shipped_advisories(
    baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--quiet"]) == 0
    capsys.readouterr()
    assert run(["scan", "--from-store", "latest", "--only", "patch.*", "--feeds", "none", "--format", "json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert "all are held against 'advisories'" in said.err
    assert {stamp["name"] for stamp in report["run"]["baselines"]} == {"advisories", "base"}
    found = {result["check"]: result["outcome"] for result in report["results"]}
    assert found["patch.advisories-overdue"] == "unproven", "without a feed nothing is proven"
    assert all(check.startswith("patch.") for check in found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["local"], "nothing to scan"),
        (["--no-store"], "nothing to scan"),
        (["--tag", "web"], "a choice by tag needs the inventory"),
        (["--baseline", "base", "--tag", "web"], "a choice by tag needs the inventory"),
        (["--baseline", "base", "--host", "gone"], "holds no host that matches"),
    ],
)
def test_what_cannot_be_judged_from_the_store(
    arguments: list[str], message: str, baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--only", "host.clock*", "--quiet"]) == 0
    assert run(["scan", "--from-store", "latest", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_only_what_matches_is_judged(baseline: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["scan", "local", "--baseline", baseline, "--only", "host.clock*", "--format", "json", "--no-store"]) == 0
    )
    assert {found["control"] for found in json.loads(capsys.readouterr().out)["results"]} == {"clock"}

    assert run(["scan", "local", "--baseline", baseline, "--only", "nothing.*", "--no-store"]) == 2


def test_findings_of_the_store(baseline: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--quiet"]) == 0
    capsys.readouterr()

    assert run(["findings", "list", "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["control"] == "room"
    assert run(["findings", "show", finding["fingerprint"]]) == 0
    assert run(["findings", "history", finding["fingerprint"]]) == 0
    assert "failed" in capsys.readouterr().out
    assert run(["findings", "show", "feedfeed"]) == 2
    assert run(["report", "--list"]) == 0
    assert "1/1 hosts" in capsys.readouterr().out
    assert run(["report", "--out", "again"]) == 0
    assert run(["report", "--run", "nonsense"]) == 2


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.write_bytes(b"no database, but long enough to be looked at as one" * 20), "database"),
    ],
    ids=["directory", "no database"],
)
def test_a_store_that_is_none(
    baseline: str, tmp_path: Path, prepare: Callable[[Path], object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path / "store")

    assert run(["scan", "local", "--baseline", baseline, "--store", f"sqlite:///{tmp_path}/store"]) == 2

    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_a_store_of_a_newer_version_is_left_alone(
    baseline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    assert run(["scan", "local", "--baseline", baseline, "--store", url, "--quiet"]) == 0
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff'")
    connection.close()

    assert run(["scan", "local", "--baseline", baseline, "--store", url]) == 2
    assert "newer" in capsys.readouterr().err


def fill(path: Path) -> None:
    """Write until there is no space left."""
    with path.open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_at_the_store_is_incomplete(
    baseline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=True)
    try:
        url = f"sqlite:///{disk}/store.db"
        code = run(["scan", "local", "--baseline", "linux-server", "--only", "host.*", "--store", url])
        if code == 0:  # it just fitted: fill the rest
            fill(disk / "ballast")
            capsys.readouterr()
            code = run(["scan", "local", "--baseline", "linux-server", "--only", "host.*", "--store", url])
        captured = capsys.readouterr()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)

    assert code in (2, 3)
    assert "full" in captured.err or "space" in captured.err
    assert "Traceback" not in captured.err


def test_a_directory_that_cannot_be_written(baseline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert run(["scan", "local", "--baseline", baseline, "--out", "file/out", "--no-store"]) == 3
    assert "cannot write to file/out" in capsys.readouterr().err


def test_an_interrupted_scan_can_be_resumed(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "slow"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text(
        "from secaudit.api import load_family\nFAMILY = load_family(__name__, title='Slow', modules=['all'])\n"
    )
    (plugin / "all.py").write_text(PLUGIN)
    (tmp_path / "slow.yaml").write_text(
        "baseline: slow\nversion: 1\ncontrols:\n"
        "  sleep: {check: slow.sleep}\n  clock: {check: host.clock-skew, expect: {max: 1h}}\n"
    )
    (tmp_path / "inventory.yaml").write_text(
        "customer: {id: own, name: Own, language: en}\n"
        "sites: {here: {hosts: {a: {address: localhost, transport: local, baselines: [./slow.yaml]}}}}\n"
    )
    common = [sys.executable, "-m", "secaudit", "scan", "--inventory", "inventory.yaml", "--plugins", "plugins"]
    begun = time.monotonic()
    process = subprocess.Popen(common, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("run ")
    while not runs("sleep", NAP):
        assert time.monotonic() - begun < 60
        time.sleep(0.05)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=25)

    assert process.returncode == 3
    assert "not scanned: own/a" in err
    assert time.monotonic() - told < 25, "before the nap is over"
    run_id = out.split("--resume ")[1].split()[0]
    again = subprocess.run(
        [*common, "--resume", run_id, "--only", "clock"], capture_output=True, text=True, check=False, timeout=60
    )
    assert again.returncode == 0, again.stderr
    assert "1 host: 0 failed" in again.stdout
    third = subprocess.run([*common, "--resume", run_id], capture_output=True, text=True, check=False, timeout=60)
    assert third.returncode == 2
    assert "nothing to resume" in third.stderr


def an_inventory(folder: Path, *customers: tuple[str, str], baseline: str) -> str:
    """This machine as a host of each customer (id and language)."""
    folder.mkdir(exist_ok=True)
    for name, language in customers:
        (folder / f"{name}.yaml").write_text(
            f"customer: {{id: {name}, name: {name}, language: {language}}}\n"
            f"sites: {{here: {{hosts: {{{name}1: {{transport: local, baselines: [{baseline}]}}}}}}}}\n"
        )
    return str(folder)


@pytest.mark.parametrize(
    ("languages", "options", "told"),
    [
        (("de",), [], "de"),
        (("de",), ["--lang", "en"], "en"),
        (("en",), ["--lang", "de"], "de"),
        (("de", "de"), [], "de"),
        (("de", "en"), [], "en"),
        (("de", "en"), ["--customer", "c0"], "de"),
    ],
)
def test_the_page_is_in_the_language_of_the_customers_and_data_in_english(
    baseline: str, tmp_path: Path, languages: tuple[str, ...], options: list[str], told: str
) -> None:
    customers = [(f"c{at}", language) for at, language in enumerate(languages)]
    inventory = an_inventory(tmp_path / "inventory", *customers, baseline=baseline)
    assert run(["scan", "--inventory", inventory, *options, "--no-store", "--out", "out", "--quiet"]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert f'<html lang="{told}">' in page
    assert ("Technischer Bericht" in page) == (told == "de")
    data = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {result["title"] for result in data["results"]} == {"The clock is right", "File systems have room left"}


def test_what_is_stored_is_judged_again_in_the_customers_language(baseline: str, tmp_path: Path) -> None:
    inventory = an_inventory(tmp_path / "inventory", ("c0", "de"), baseline=baseline)
    assert run(["scan", "--inventory", inventory, "--quiet"]) == 0
    assert run(["scan", "--inventory", inventory, "--from-store", "latest", "--out", "out", "--quiet"]) == 0
    assert '<html lang="de">' in (tmp_path / "out" / "report.html").read_text()


def test_a_language_that_the_page_does_not_speak_is_refused_before_the_scan(
    baseline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "local", "--baseline", baseline, "--lang", "fr", "--out", "out"]) == 2
    assert "does not speak 'fr'" in capsys.readouterr().err
    assert not Path("out").exists()
