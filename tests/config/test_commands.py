"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.cli.exits import Exit
from secaudit.config.baseline import BaselineLibrary
from secaudit.config.contract import load_contracts
from secaudit.config.delivery import load_delivery
from secaudit.config.schedule import load_schedules
from secaudit.config.trackers import load_trackers
from secaudit.model.inventory import Host
from secaudit.transport import trust
from secaudit.transport.interface import Unreachable
from secaudit.transport.trust import HostKey, KeyNotPinned
from tests.command_line import Run, command_line
from tests.config.conftest import Write


@pytest.fixture
def run(write: Write, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in the test's own directory: exit code, stdout, stderr."""

    return command_line(capsys)


BASE = """\
baseline: base
version: 3
controls:
  clock: {check: host.clock-skew, expect: {max: 2s}}
  disks:
    check: host.filesystem-usage
    severity: low
    expect: {used: 80, ignore: [/mnt/iso]}
    remediation: |
      Make room.
      Or buy some.
    references: {bsi: [A, B]}
"""

CHILD = """\
baseline: child
version: 1
extends: ./base.yaml
controls:
  clock: remove
  disks: {severity: high, expect: {used: 70}}
  disks-strict: {check: host.filesystem-usage}
"""


def test_show_names_the_line_of_every_value(write: Write, run: Run) -> None:
    write("base.yaml", BASE)
    write("child.yaml", CHILD)
    assert run("baseline", "show", "child.yaml") == (
        Exit.FINE,
        (
            "disks  (high, set at child.yaml:6)\n"
            "    check           host.filesystem-usage     base.yaml:6\n"
            "    severity        high                      child.yaml:6\n"
            "    expect.used     70                        child.yaml:6\n"
            "    expect.inodes   90                        default\n"
            "    expect.mounts   {}                        default\n"
            "    expect.ignore   [/mnt/iso]                base.yaml:8\n"
            "    remediation     Make room.\\nOr buy some.  base.yaml:9\n"
            "    references.bsi  [A, B]                    base.yaml:12\n"
            "disks-strict  (medium, set at child.yaml:7)\n"
            "    check          host.filesystem-usage  child.yaml:7\n"
            "    severity       medium                 default\n"
            "    expect.used    90                     default\n"
            "    expect.inodes  90                     default\n"
            "    expect.mounts  {}                     default\n"
            "    expect.ignore  []                     default\n"
            "2 controls from base version 3, child version 1\n"
        ),
        "",
    )


def test_show_as_json(write: Write, run: Run) -> None:
    write("base.yaml", BASE)
    ended, out, _ = run("baseline", "show", "--json", "base.yaml")
    assert ended == Exit.FINE
    shown = json.loads(out)
    assert [(stamp["name"], stamp["version"]) for stamp in shown["baselines"]] == [("base", 3)]
    clock, disks = shown["controls"]
    assert clock["expect"] == {"max": "2s"}
    assert clock["provenance"] == {"check": "base.yaml:4", "expect.max": "base.yaml:4"}
    assert disks["expect"] == {"used": 80, "inodes": 90, "mounts": {}, "ignore": ["/mnt/iso"]}
    assert disks["references"] == {"bsi": ["A", "B"]}
    assert disks["location"] == "base.yaml:5"


def test_a_control_that_cannot_be_decided_says_so(write: Write, run: Run) -> None:
    write("plugins/bad/__init__.py", "raise KeyError('\\x1b[2J')\n")
    write("b.yaml", "baseline: b\nversion: 1\ncontrols: {x: {check: bad.thing}}\n")
    ended, out, _ = run("baseline", "show", "b.yaml", "--plugins", "plugins")
    assert ended == Exit.FINE
    assert "cannot be decided: plugin 'bad' could not be loaded: KeyError" in out
    assert "\x1b" not in out


def test_diff(write: Write, run: Run) -> None:
    write("base.yaml", BASE)
    write("child.yaml", CHILD)
    assert run("baseline", "diff", "base.yaml", "child.yaml") == (
        Exit.FINE,
        (
            "- clock\n"
            "~ disks\n"
            "    severity     low → high  child.yaml:6\n"
            "    expect.used  80 → 70     child.yaml:6\n"
            "+ disks-strict  (medium, set at child.yaml:7)\n"
        ),
        "",
    )
    assert run("baseline", "diff", "base.yaml", "base.yaml") == (Exit.FINE, "", "")


def test_validate_tells_the_problems_of_all_files(write: Write, run: Run) -> None:
    write("base.yaml", BASE)
    write("a.yaml", "baseline: a\nversion: x\n")
    write("b.yaml", "baseline: b\nversion: 1\ncontrols: {c: {check: host.clock-skw}}\n")
    assert run("baseline", "validate", "a.yaml", "base.yaml", "b.yaml", "none.yaml") == (
        Exit.USAGE,
        "base.yaml: 2 controls, no problem found\n",
        (
            "a.yaml:2:10: version: expected a whole number, found the text 'x'\n"
            "b.yaml:3:23: there is no check 'host.clock-skw' (did you mean 'host.clock-skew'?)\n"
            "none.yaml: there is no such file\n"
        ),
    )


def test_list_names_what_the_library_finds(run: Run) -> None:
    ended, out, _ = run("baseline", "list")
    header, *rows = out.splitlines()
    assert (ended, header.split()) == (Exit.FINE, ["BASELINE", "VERSION", "EXTENDS", "TITLE"])
    assert [row.split()[0] for row in rows] == list(BaselineLibrary().names())
    listed = json.loads(run("baseline", "list", "--json")[1])
    assert [baseline["baseline"] for baseline in listed] == list(BaselineLibrary().names())


INVENTORY = """\
customer: {id: muster, name: Muster}
sites:
  vienna:
    defaults: {baselines: [../base.yaml], tags: [prod]}
    hosts:
      web1: {address: 10.0.0.1, tags: [web], ssh: {user: audit, jump: b.example}}
      db1: {address: db.example}
      here: {transport: local}
"""


def test_inventory_validate(write: Write, run: Run) -> None:
    write("base.yaml", BASE)
    write("inv/muster.yaml", INVENTORY)
    write("inv/other.yaml", "customer: {id: o, name: O}\nsites: {s: {hosts: {h: {address: a}}}}\n")
    assert run("inventory", "validate", "inv") == (
        Exit.FINE,
        (
            "inv: 2 customers, 2 sites, 4 hosts, no problem found\n"
            "o/h has no baseline: it is scanned only with --baseline\n"
        ),
        "",
    )


def test_inventory_validate_looks_into_the_baselines(write: Write, run: Run) -> None:
    base = write("base.yaml", BASE.replace("2s", "2 s ago")).absolute()
    write("inv/muster.yaml", INVENTORY)
    assert run("inventory", "validate", "inv/muster.yaml") == (
        Exit.USAGE,
        "",
        f"{base}:4:49: '2 s ago' is not a duration; write for example 30m, 26h or 2d\n",
    )


def test_inventory_list_and_its_filters(write: Write, run: Run) -> None:
    base = write("base.yaml", BASE).absolute()
    write("inv/muster.yaml", INVENTORY)
    assert run("inventory", "list", "inv", "--host", "w*", "--site", "vienna", "--customer", "muster") == (
        Exit.FINE,
        (
            f"CUSTOMER  SITE    HOST  ADDRESS   TRANSPORT  TAGS       BASELINES\n"
            f"muster    vienna  web1  10.0.0.1  ssh        prod, web  {base}\n"
        ),
        "",
    )
    (web1,) = json.loads(run("inventory", "list", "inv", "--tag", "web", "--json")[1])
    assert web1 == {
        "customer": "muster",
        "site": "vienna",
        "host": "web1",
        "address": "10.0.0.1",
        "transport": "ssh",
        "tags": ["prod", "web"],
        "baselines": [str(base)],
        "user": "audit",
        "port": None,
        "jump": ["b.example"],
    }
    assert run("inventory", "list", "inv", "--tag", "x")[0] == Exit.USAGE


def test_inventory_commands_take_the_inventory_of_the_environment(
    write: Write, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("base.yaml", BASE)
    write("inv/muster.yaml", INVENTORY)
    monkeypatch.delenv("SECAUDIT_INVENTORY", raising=False)
    assert run("inventory", "list")[0] == Exit.USAGE
    monkeypatch.setenv("SECAUDIT_INVENTORY", "inv")
    assert run("inventory", "list")[1] == run("inventory", "list", "inv")[1]
    assert run("inventory", "validate")[0] == Exit.FINE
    assert run("inventory", "list", "elsewhere")[0] == Exit.USAGE, "what is named outranks the environment"


KEY = HostKey("10.0.0.1", "ssh-ed25519", "AAAA")


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts whose key was pinned; `db1` cannot be reached."""
    pins: list[str] = []

    def fetch(host: Host) -> HostKey:
        if host.name == "db1":
            raise Unreachable("connection refused")
        return replace(KEY, name=host.address)

    def pin(host: Host, key: HostKey) -> Path:
        if host.address == "10.0.0.9":
            raise KeyNotPinned("another key is pinned")
        pins.append(f"{host.label} {key.line}")
        return Path("known_hosts")

    monkeypatch.setattr(trust, "fetch_host_key", fetch)
    monkeypatch.setattr(trust, "pin", pin)
    return pins


def test_trust_shows_the_fingerprint_and_asks(
    write: Write, run: Run, pinned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("base.yaml", BASE)
    write("inv/muster.yaml", INVENTORY)
    monkeypatch.setattr("click.confirm", lambda _question: False)
    ended, out, _ = run("inventory", "trust", "web1", "--inventory", "inv")
    assert (ended, pinned) == (Exit.FINE, [])
    assert out == f"muster/web1: 10.0.0.1 shows the ssh-ed25519 key {KEY.fingerprint}\nmuster/web1: not pinned\n"
    monkeypatch.setattr("click.confirm", lambda _question: True)
    assert run("inventory", "trust", "web1", "--inventory", "inv")[0] == Exit.FINE
    assert pinned == ["muster/web1 10.0.0.1 ssh-ed25519 AAAA"]


def test_trust_goes_on_after_a_host_that_cannot_be_reached(write: Write, run: Run, pinned: list[str]) -> None:
    write("base.yaml", BASE)
    write("inv/muster.yaml", INVENTORY + "      old: {address: 10.0.0.9}\n")
    ended, out, err = run("inventory", "trust", "*", "--inventory", "inv", "--yes")
    assert ended == Exit.INCOMPLETE
    assert pinned == ["muster/web1 10.0.0.1 ssh-ed25519 AAAA"]
    assert "muster/web1: pinned in known_hosts\n" in out
    assert "muster/here: is this machine, there is no key to pin\n" in out
    assert err == "muster/db1: connection refused\nmuster/old: another key is pinned\n"


@pytest.mark.parametrize("name", ["inventory", "baseline", "schedule", "results"])
def test_schemas_are_printed(run: Run, name: str) -> None:
    ended, out, _ = run("schema", name)
    assert ended == Exit.FINE
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/draft/2020-12/")
    assert name in run("schema")[1]


def test_init_writes_once_and_never_over_anything(run: Run) -> None:
    names = [
        "README.md",
        "baselines/example-web.yaml",
        "contracts/example.yaml",
        "delivery/example.yaml",
        "feeds/sources.yaml",
        "inventory/example.yaml",
        "schedules/nightly.yaml",
        "trackers/example.yaml",
        "waivers/example.yaml",
    ]
    ended, out, _ = run("init", "set")
    assert ended == Exit.FINE
    assert out.splitlines() == [
        *(f"wrote set/{name}" for name in names),
        "Go on with: secaudit inventory validate set/inventory",
    ]
    Path("set/inventory/example.yaml").unlink()
    left = ", ".join(f"set/{name}" for name in names if "inventory" not in name)
    assert run("init", "set") == (Exit.USAGE, "", f"there already, nothing was written: {left}\n")
    assert not Path("set/inventory/example.yaml").exists()


def test_the_example_set_works_and_shows_every_kind_of_change(run: Run) -> None:
    run("init")
    assert run("inventory", "validate", "inventory")[:2] == (
        Exit.FINE,
        "inventory: 1 customer, 1 site, 1 host, no problem found\n",
    )
    web = "baselines/example-web.yaml"
    assert run("baseline", "validate", web)[0] == Exit.FINE
    changes = run("baseline", "diff", "web-server", web)[1].splitlines()
    assert "- raid" in changes
    assert "~ open-ports" in changes
    assert any(line.startswith("+ example-uploads  (high, set at baselines/example-web.yaml:") for line in changes)
    assert [schedule.id for schedule in load_schedules(Path("schedules"))] == ["nightly"]
    assert [target.name for target in load_delivery(Path("delivery")).targets] == ["archive"]
    assert [tracker.customer for tracker in load_trackers(Path("trackers"))] == ["example"]


def test_what_the_examples_have_as_comments_works_too(run: Run) -> None:
    run("init")
    for name in ("contracts/example.yaml", "delivery/example.yaml", "trackers/example.yaml"):
        path = Path(name)
        lines = path.read_text().splitlines()
        # What is to be uncommented follows its `#` at once or keeps its indent; sentences follow one blank.
        said = [re.sub(r"^#(?! \S)", "", line) for line in lines]
        path.write_text("\n".join(said) + "\n")
    assert {target.name for target in load_delivery(Path("delivery")).targets} == {"archive", "office", "chat"}
    assert load_contracts(Path("contracts")).of("example")[0].availability[0].service == "shop"
    assert [(tracker.grouping, tracker.evidence) for tracker in load_trackers(Path("trackers"))] == [("host", False)]


def test_init_where_nothing_can_be_written(write: Write, run: Run) -> None:
    write("file", "")
    ended, _, err = run("init", "file/below")
    assert (ended, err) == (Exit.USAGE, "cannot write file/below/README.md: Not a directory\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("inventory", "validate", "folder.yaml/x"),
        ("inventory", "list", "broken.yaml"),
        ("baseline", "show", "latin.yaml"),
        ("baseline", "show", "nobody"),
        ("baseline", "diff", "broken.yaml", "latin.yaml"),
        ("schema", "nothing"),
    ],
)
def test_what_is_wrong_ends_with_exit_code_2_and_no_traceback(
    write: Write, run: Run, arguments: tuple[str, ...]
) -> None:
    write("broken.yaml", "a: [")
    Path("latin.yaml").write_bytes(b"a: \xe4")
    Path("folder.yaml").mkdir()
    ended, out, err = run(*arguments)
    assert (ended, out) == (Exit.USAGE, "")
    assert err
    assert "Traceback" not in err
    assert "unexpectedly" not in err
