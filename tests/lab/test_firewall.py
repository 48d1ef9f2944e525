"""`secaudit firewall` on real hosts: asked over ssh, and knocked at from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from secaudit.cli.main import run
from secaudit.store import open_store
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = [pytest.mark.root, pytest.mark.lab]

HOST, UNMARKED = "filtered", "unmarked"
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def filtered(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    running = start_lab({HOST: "clean", UNMARKED: "clean"})
    allowed = "audit ALL=(root) NOPASSWD: /usr/sbin/nft -j list ruleset, /usr/sbin/iptables-save -c, " + ", ".join(
        f"/usr/sbin/{program} -c" for program in ("ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save")
    )
    for host in (HOST, UNMARKED):
        file = running.host(host).root / "etc/sudoers.d/firewall"
        file.write_text(f"{allowed}\n")
        file.chmod(0o440)
    return running


@pytest.fixture
def ask(filtered: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    login = (
        f"{{user: audit, identity: {filtered.key}, known_hosts: {filtered.known_hosts}, agent: false, config: false}}"
    )
    hosts = [
        f"{HOST}: {{address: {filtered.host(HOST).address}, probe: true}}",
        f"{HOST}-6: {{address: '{filtered.host(HOST).address6}', probe: true}}",
        f"{UNMARKED}: {{address: {filtered.host(UNMARKED).address}}}",
    ]
    inventory = tmp_path / "inventory.yaml"
    lines = ["customer: {id: lab, name: Lab}", "sites:", "  here:", f"    defaults: {{ssh: {login}}}", "    hosts:"]
    inventory.write_text("\n".join([*lines, *(f"      {host}" for host in hosts), ""]))

    def asked(*arguments: str) -> tuple[int, Any]:
        code = run(["firewall", *arguments, "--inventory", str(inventory), "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else printed.err

    return asked


@contextmanager
def changed(running: Lab, there: str, back: str) -> Iterator[None]:
    for line in there.split("; "):
        assert running.run(HOST, line.split()).returncode == 0, line
    try:
        yield
    finally:
        for line in back.split("; "):
            running.run(HOST, line.split())


def test_a_host_is_analysed_like_its_listing_in_a_file(filtered: Lab, ask: Ask, tmp_path: Path) -> None:
    listing = tmp_path / "listing.json"
    listing.write_bytes(filtered.run(HOST, ["nft", "-j", "list", "ruleset"]).stdout)
    code, asked = ask("audit", "--host", HOST)
    assert (code, asked) == ask("audit", str(listing))
    assert [service["service"] for service in asked["services"]] == ["tcp/22", "tcp/443"] * 2
    assert ask("diff", "--host", HOST, str(listing))[0] == 0
    packet = "iif eth0 tcp 198.18.0.1:4000 -> 198.18.0.2:23"
    code, found = ask("query", "--host", HOST, "--packet", packet)
    assert (code, found["verdict"]) == (1, "reject")
    code, found = ask("reach", "--host", HOST, "--to", "tcp/443")
    assert (code, len(found["services"])) == (0, 2)
    code, found = ask("verify", "--host", HOST, "--packets", "300")
    assert (code, found["mismatches"]) == (0, [])
    assert found["agreed"] > 250


def test_recorded_answers_do_as_well(
    filtered: Lab, ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, store = tmp_path / "bundle", tmp_path / "store.db"
    chosen = ["--inventory", str(tmp_path / "inventory.yaml"), "--host", HOST, "--baseline", "linux-server"]
    kept = ["--record", str(bundle), "--store", str(store), "--out", str(tmp_path / "out"), "--quiet"]
    assert run(["scan", *chosen, "--only", "firewall.*", *kept]) == 0
    written = (tmp_path / "out" / "report.html").read_text()
    assert 'id="about-firewall"' in written
    assert "policy drop" in written
    with open_store(str(store), read_only=True) as opened:
        (only,) = opened.runs()
    again = ["--run", only.run.id, "--store", str(store), "--out", str(tmp_path / "again"), "--format", "html"]
    assert run(["report", *again]) == 0
    assert (tmp_path / "again" / "report.html").read_text() == written
    assert (
        run(["scan", f"replay:{bundle}", "--only", "firewall.*", "--out", str(tmp_path / "replayed"), "--quiet"]) == 0
    )
    assert (tmp_path / "replayed" / "report.html").read_text() == written
    capsys.readouterr()
    asked = ask("audit", "--host", HOST)
    assert ask("audit", f"replay:{bundle}") == asked
    assert ask("audit", "--host", HOST, "--from-store", "--store", str(store)) == asked
    assert ask("audit", "--host", "nobody", "--from-store", "--store", str(store))[0] == 2


@pytest.mark.parametrize("host", [HOST, f"{HOST}-6"])
def test_a_host_that_does_what_its_ruleset_says(ask: Ask, host: str) -> None:
    code, found = ask("verify", "--live", host)
    assert code == 0
    seen = {(packet["protocol"], packet["destination_port"]): packet["observed"] for packet in found["packets"]}
    assert (seen[6, 22], seen[6, 80]) == ("answer", "reset")
    assert not any(packet["differs"] for packet in found["packets"])


def test_something_else_on_the_way_is_noticed(filtered: Lab, ask: Ask) -> None:
    # A routing rule throws the packets away behind prerouting, where no table of the ruleset sees them.
    there = "ip rule add pref 100 lookup local; ip rule del pref 0; ip rule add pref 10 ipproto tcp dport 443 blackhole"
    back = "ip rule del pref 10; ip rule add pref 0 lookup local; ip rule del pref 100"
    there += "".join(f"; nft insert rule inet filter input tcp dport {port} counter" for port in (443, 22))
    with changed(filtered, there, back):
        code, found = ask("verify", "--live", HOST)
    assert code == 1
    assert [packet["destination_port"] for packet in found["packets"] if packet["differs"]] == [443]
    assert [(rule["text"], rule["expected"], rule["counted"]) for rule in found["behind"]] == [("tcp dport 443", 1, 0)]
    assert found["rules"] == 2


def test_a_rejection_is_told_from_a_drop(filtered: Lab, ask: Ask) -> None:
    there = "nft insert rule inet filter input udp dport 53 reject with icmpx admin-prohibited; "
    there += "nft insert rule inet filter input tcp dport 1 drop"
    with changed(filtered, there, "true"):
        code, found = ask("verify", "--live", HOST)
    seen = {(packet["protocol"], packet["destination_port"]): packet["observed"] for packet in found["packets"]}
    assert code == 0
    assert (seen[17, 53], seen[6, 1]) == ("icmp-admin-prohibited", "silence")


def test_no_packet_goes_to_a_host_that_is_not_marked(ask: Ask) -> None:
    code, told = ask("verify", "--live", UNMARKED)
    assert code == 2
    assert "`probe: true` in the inventory" in told


def test_a_host_that_does_not_tell_is_no_host_without_rules(filtered: Lab, ask: Ask) -> None:
    file = filtered.host(UNMARKED).root / "etc/sudoers.d/firewall"
    file.unlink()
    code, told = ask("audit", "--host", UNMARKED)
    assert code == 3
    assert "denied" in told
