"""The published JSON Schemas say what the loaders say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secaudit.config.baseline import BaselineLibrary
from secaudit.config.contract import load_contracts
from secaudit.config.errors import ConfigError
from secaudit.config.feeds import load_feed_sources
from secaudit.config.inventory import load_inventory
from secaudit.config.schedule import load_schedules
from secaudit.config.schemas import NAMES, schema
from secaudit.config.source import Located, read_yaml
from secaudit.config.waivers import load_waivers
from secaudit.plugins import discover
from tests.config.conftest import CHECKS, Write

HEAD = "baseline: b\nversion: 1\n"
CUSTOMER = "customer: {id: a, name: A}\n"
CONTRACT = (
    "schema: secaudit.contract/1\ncustomer: {id: a, name: A}\nvalid: {from: 2026-01-01}\n"
    "calendar: {timezone: UTC, hours: {mon-fri: ['08:00-17:00']}}\n"
)
PROMISE = CONTRACT + "priorities: {P1: {from: [critical], remediation: {time: 24h}}}\n"
WAIVER = "- control: open-ports\n  owner: anna\n  reason: migration\n  expires: 2027-01-31\n"
FEEDS = "feeds: [{url: 'https://feeds.example/x'}]\n"
NIGHTLY = "schedule: n\ncron: 0 2 * * *\ntimezone: UTC\ninventory: i\n"


def errors(name: str, path: Path) -> list[str]:
    validator = Draft202012Validator(schema(name, CHECKS))
    return [error.message for error in validator.iter_errors(Located.of(read_yaml(path).root).data)]


def load(name: str, path: Path) -> object:
    loaders: dict[str, Callable[[], object]] = {
        "feeds": lambda: load_feed_sources(path),
        "inventory": lambda: load_inventory(path),
        "schedule": lambda: load_schedules(path),
        "contract": lambda: load_contracts(path),
        "waivers": lambda: load_waivers(path),
        "baseline": lambda: BaselineLibrary().resolve([str(path)], CHECKS, {}),
    }
    return loaders[name]()


GOOD = [
    ("inventory", CUSTOMER + "sites: {}"),
    (
        "inventory",
        CUSTOMER + "sites: {s: {defaults: {baselines: base, ssh: {user: u, jump: a}, tags: [x]}, hosts: "
        "{h: {address: a, ssh: {jump: [a, b], password: {command: [x]}, port: 22}}, i: {transport: local}}}}",
    ),
    ("feeds", FEEDS),
    ("feeds", FEEDS + "mirror: http://localhost:81/feeds\n"),
    ("feeds", FEEDS.replace("'}", "', name: x.json, expires: 2027-03-31, sha256: '" + "0a" * 32 + "'}")),
    ("feeds", FEEDS.replace("'}", "', name: '', expires: , sha256: ''}") + "mirror: ''\n"),
    ("schedule", NIGHTLY),
    ("schedule", NIGHTLY + "customers: [a]\ntags: b\nfail_on: high\n"),
    ("waivers", "[]"),
    ("waivers", WAIVER),
    ("waivers", WAIVER + "  tag: web\n  subject: ''\n  start: 2026-01-01T10:00Z\n  while_passed: [waf, tls]\n"),
    ("contract", PROMISE),
    ("contract", PROMISE + "sla: {warn_at: 0.5, grace: 1h, enforce_from: 2026-02-01, pause_reasons: [a_b]}\n"),
    ("contract", PROMISE + "resources: {included: 7.5, carry: {cap: '20', expires_months: 3}, ledger: l.csv}\n"),
    ("contract", PROMISE + "costs: [{service: a, per: month, amount: '9.50', currency: EUR}]\n"),
    ("baseline", HEAD),
    ("baseline", HEAD + "controls: {c: {check: demo.age, severity: low, expect: {max_age: 2d, warn: true}}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.ports, expect: {tcp: {22: any, 80: {from: [10.0.0.0/8]}}}}}"),
    (
        "baseline",
        HEAD
        + "parameters: {age: 2d, nets: [10.0.0.0/8]}\ncontrols: {a: {check: demo.age, expect: {max_age: '{{age}}'}},"
        " c: {check: demo.ports, expect: {tcp: {22: {from: '{{nets}}'}}}}}",
    ),
]

BAD = [
    ("inventory", CUSTOMER),
    ("inventory", CUSTOMER + "sites: []"),
    ("inventory", CUSTOMER + "sites: {S: {hosts: {}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {adress: a}}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {address: 5}}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {address: }}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {address: a, ssh: {port: '22'}}}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {address: a, ssh: {password: hunter2}}}}}"),
    ("inventory", CUSTOMER + "sites: {s: {hosts: {h: {address: a, transport: telnet}}}}"),
    ("feeds", "feeds: []\n"),
    ("feeds", "mirror: https://mirror.example\n"),
    ("feeds", FEEDS + "mirror: http://localhost.example\n"),
    ("feeds", FEEDS + "mirror: \n"),
    ("feeds", FEEDS.replace("https", "http")),
    ("feeds", FEEDS.replace("url", "name")),
    ("feeds", FEEDS.replace("'}", "', sha: ''}")),
    ("feeds", FEEDS.replace("'}", "', sha256: abc}")),
    ("feeds", FEEDS.replace("'}", "', expires: soon}")),
    ("schedule", "schedule: n\n"),
    ("schedule", NIGHTLY + "fail_on: dire\n"),
    ("schedule", NIGHTLY + "when: now\n"),
    ("waivers", "{}"),
    ("waivers", WAIVER.replace("owner", "ownr")),
    ("waivers", WAIVER.replace("2027-01-31", "soon")),
    ("waivers", WAIVER.replace("2027-01-31", "2027-01-31T10:00")),
    ("waivers", WAIVER + "  host: \n"),
    ("contract", CONTRACT),
    ("contract", PROMISE.replace("2026-01-01", "1.1.2026")),
    ("contract", PROMISE.replace("mon-fri", "Monday")),
    ("contract", PROMISE.replace("08:00-17:00", "8-17")),
    ("contract", PROMISE.replace("24h", "1 day")),
    ("contract", PROMISE.replace("critical", "dire")),
    ("contract", PROMISE + "sla: {warn_at: 2}\n"),
    ("contract", PROMISE + "sla: {grace: }\n"),
    ("contract", PROMISE + "costs: [{service: a, per: month, amount: 9.5, currency: EUR}]\n"),
    ("contract", PROMISE + "report: {language: fr}\n"),
    ("baseline", "baseline: b\nversion: '1'\n"),
    ("baseline", HEAD + "controls: {c: removed}"),
    ("baseline", HEAD + "controls: {c: {check: demo.none}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.age}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.age, expect: {max_age: soon}}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.age, expect: {max_age: 2d, wran: true}}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.ports, expect: {tcp: {22: some}}}}"),
    ("baseline", HEAD + "controls: {c: {check: demo.ports, expect: {tcp: {22: {form: []}}}}}"),
    ("baseline", HEAD + "parameters: {a-b: 1}"),
]


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_what_is_right_is_right_for_both(write: Write, name: str, text: str) -> None:
    write("i", "")
    path = write("file.yaml", text)
    assert errors(name, path) == []
    load(name, path)


@pytest.mark.parametrize(("name", "text"), BAD)
def test_what_is_wrong_is_wrong_for_both(write: Write, name: str, text: str) -> None:
    write("i", "")
    path = write("file.yaml", text)
    assert errors(name, path)
    with pytest.raises(ConfigError):
        load(name, path)


def test_an_override_may_hold_any_part_of_an_expectation(write: Write) -> None:
    path = write("file.yaml", HEAD + "extends: x\ncontrols: {c: {expect: {warn: ~}, severity: ~}, d: remove}")
    assert errors("baseline", path) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_of_all_installed_checks_are_valid(name: str) -> None:
    built = schema(name, discover().checks)
    Draft202012Validator.check_schema(built)
    assert built["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert built["title"] == f"secaudit {name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_described_for_the_editor(name: str) -> None:
    built: dict[str, Any] = schema(name, {})
    for model in (built, *built.get("$defs", {}).values()):
        for key, described in model.get("properties", {}).items():
            assert "description" in described, key


@pytest.mark.parametrize("name", BaselineLibrary().names())
def test_every_shipped_baseline_is_valid(name: str) -> None:
    registry = discover()
    library = BaselineLibrary()
    source = library.find(name).source
    assert source.shown == f"secaudit/baselines/{name}.yaml"
    validator = Draft202012Validator(schema("baseline", registry.checks))
    assert [error.message for error in validator.iter_errors(Located.of(source.root).data)] == []
    assert library.resolve([name], registry.checks, registry.broken).controls
