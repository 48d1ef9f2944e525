"""Probes of services are in the chain: an outage that somebody takes out of the store is named."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from secaudit.model.availability import Probe
from secaudit.store import Store
from tests.store.scenes import START, WEB, a_result, scan

BEATS = [START.replace(microsecond=0) + timedelta(minutes=5 * beat) for beat in range(6)]


@pytest.fixture
def probed(store: Store) -> Store:
    """Two rounds of probes of one service, the second with one from before the first, and one round of another."""
    store.add_probes("muster", "shop", [Probe(BEATS[1], True), Probe(BEATS[2], False, "status 503")])
    scan(store, 0, WEB, a_result(WEB))
    store.add_probes("muster", "shop", [Probe(beat, True) for beat in (BEATS[0], BEATS[2], BEATS[3])])
    store.add_probes("muster", "mail", [Probe(BEATS[4], True)])
    return store


def _tamper(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def test_probes_that_nobody_touched_are_covered(probed: Store) -> None:
    verdict = probed.verify_chain()
    assert (verdict.breaches, verdict.probes, verdict.older_probes, verdict.scans) == ((), 5, 0, 1)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE service_probe SET up = 1 WHERE up = 0", "1 probe changed or removed"),
        ("UPDATE service_probe SET up = 5 WHERE up = 1", "changed or removed"),
        ("UPDATE service_probe SET detail = '' WHERE up = 0", "1 probe changed or removed"),
        ("UPDATE service_probe SET service = 'shop' WHERE service = 'mail'", "put in past the chain"),
        ("DELETE FROM service_probe WHERE up = 0", "1 probe changed or removed"),
        ("DELETE FROM service_probe", "changed or removed"),
        (
            """INSERT INTO service_probe (customer, service, at, up, detail)
            SELECT customer, service, '2026-11-20 09:00:00.000000', 1, '' FROM service_probe LIMIT 1""",
            "1 probe put in past the chain",
        ),
        ("DELETE FROM link WHERE service = 'mail'", "put in past the chain"),
        ("UPDATE link SET service = 'mail' WHERE service = 'shop'", "changed"),
        ("UPDATE link SET service = NULL WHERE service = 'shop'", "the link was changed"),
        ("UPDATE link SET marks = x'' WHERE service = 'shop'", "the link was changed"),
    ],
)
def test_what_was_done_to_probes_is_named(probed: Store, path: Path, statement: str, what: str) -> None:
    _tamper(path, statement)
    breaches = probed.verify_chain().breaches
    if "mail" in statement and statement.startswith("DELETE FROM link"):
        # The last link is gone, as the end of any chain may be: whoever kept its digest knows.
        assert probed.verify_chain().older_probes == 1
        return
    assert any(what in breach.what for breach in breaches), breaches


def test_probes_from_before_are_covered_from_the_next_one_on(probed: Store, path: Path) -> None:
    """A store of an older version has probes and no link about them."""
    _tamper(path, "DELETE FROM link WHERE service = 'mail'")
    assert probed.verify_chain().older_probes == 1
    probed.add_probes("muster", "mail", [Probe(BEATS[5], True)])
    verdict = probed.verify_chain()
    assert (verdict.breaches, verdict.probes, verdict.older_probes) == ((), 6, 0)
    _tamper(path, "UPDATE service_probe SET up = 0 WHERE service = 'mail' AND detail = ''")
    assert [breach.where for breach in probed.verify_chain().breaches] == ["service muster/mail"]
