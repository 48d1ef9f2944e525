"""`secaudit firewall` on files: what people and programs get to see, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secaudit.cli.main import run

RULES = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:old - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 10.0.0.0/25 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.128/25 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.0/24 -p tcp -m tcp --dport 22 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A old -j DROP
COMMIT
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.v4"
    file.write_text(RULES)
    return file


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_audit_tells_dead_rules_with_blockers_and_a_packet(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "audit", str(rules), "--json"]) == 1
    found = document(capsys)
    assert set(found) == {"anomalies", "unmodelled", "undecided", "services"}
    by_kind = {(entry["kind"], entry["rule"]["line"]): entry for entry in found["anomalies"]}
    assert set(by_kind) == {("shadowed", 10), ("redundant", 12), ("unreachable-chain", 5)}
    shadowed = by_kind["shadowed", 10]
    assert [other["line"] for other in shadowed["by"]] == [8, 9]
    assert (shadowed["severity"], shadowed["verdict_differs"]) == ("high", True)
    assert shadowed["witness"]["source"].startswith("10.0.0.")
    services = {entry["service"]: entry["access"] for entry in found["services"]}
    assert services["tcp/22"][0]["sources"] == ["10.0.0.0/24"]
    assert services["tcp/443"][0]["sources"] == ["0.0.0.0/0"]


def test_the_format_of_a_file_can_be_named(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "reach", str(rules), "--format", "ip6tables-save", "--to", "tcp/443"]) == 0
    assert "IPv6  ::/0" in capsys.readouterr().out
    assert run(["firewall", "reach", str(rules), "--format", "iptables-save", "--to", "tcp/443"]) == 0


def test_a_witness_can_be_asked_for_again(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["firewall", "audit", str(rules), "--json"])
    witness = next(entry["witness"]["packet"] for entry in document(capsys)["anomalies"] if entry["kind"] == "shadowed")
    assert run(["firewall", "query", str(rules), "--packet", witness, "--json"]) == 0
    found = document(capsys)
    assert found["verdict"] == "accept"
    assert [step["line"] for step in found["path"]] == [8]


def test_query_tells_the_way_and_why_it_may_not_know(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "query", str(rules), "--packet", "iif eth0 tcp 10.0.0.1:1 -> 192.0.2.9:25"]) == 1
    assert capsys.readouterr().out.splitlines() == ["  input ip filter INPUT: policy => policy drop", "verdict: drop"]
    rules.write_text(RULES.replace("-A old", "-A INPUT -m limit --limit 1/sec -j ACCEPT\n-A old"))
    assert run(["firewall", "query", str(rules), "--packet", "iif eth0 tcp 10.0.0.1:1 -> 192.0.2.9:25"]) == 3
    assert "limit holds now and then" in capsys.readouterr().out


def test_reach_tells_the_exact_sources(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "reach", str(rules), "--to", "tcp/22"]) == 0
    assert capsys.readouterr().out.split() == ["tcp/22", "IPv4", "10.0.0.0/24"]
    assert run(["firewall", "reach", str(rules), "--to", "udp/53"]) == 0
    assert capsys.readouterr().out == "nobody\n"


def test_services_that_are_too_many_to_list_are_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heads = [":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    ends = [f"-s 10.{number >> 8}.{number & 255}.1 -d 10.{number & 255}.{number >> 8}.2" for number in range(2100)]
    lines = [f"-A INPUT {end} -p tcp -m tcp --dport 22 -j ACCEPT" for end in ends]
    rules = tmp_path / "many.v4"
    rules.write_text("\n".join(["*filter", *heads, *lines, "COMMIT", ""]))
    assert run(["firewall", "audit", str(rules)]) == 3
    assert "not decided: services over IPv4 would need too many sets" in capsys.readouterr().out
    assert run(["firewall", "reach", str(rules), "--to", "tcp/23"]) == 0


def test_diff_tells_packets_that_fare_differently(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = rules.with_name("after.v4")
    after.write_text(RULES.replace("-s 10.0.0.0/25", "-s 10.0.0.0/26"))
    assert run(["firewall", "diff", str(rules), str(after), "--json"]) == 1
    (change,) = document(capsys)["changes"]
    assert (change["before"], change["after"]) == ("accept", "drop")
    assert (change["rule_before"]["line"], change["rule_after"]["line"]) == (8, 10)
    assert change["witness"]["source"].startswith("10.0.0.")
    assert run(["firewall", "diff", str(rules), str(rules)]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["query", "--packet", "tcp"], "DESTINATION"),
        (["reach", "--to", "icmp"], "no service"),
        (["audit", "--format", "nft-json"], "is not the JSON of an nftables ruleset"),
        (["audit", "--format", "NFT_JSON"], "is not one of 'auto', 'iptables-save'"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(
    rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(["firewall", arguments[0], str(rules), *arguments[1:]]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["audit"], "nothing to analyse"),
        (["audit", "missing.v4"], "no file missing.v4"),
        (["audit", "local", "rules.v4"], "give it alone"),
        (["audit", "rules.v4", "--host", "web1"], "either files or --host"),
        (["audit", "--host", "web1"], "--inventory"),
        (["audit", "replay:nowhere"], "nowhere"),
        (["diff", "rules.v4"], "give BEFORE and AFTER"),
        (["verify", "rules.v4", "--live", "web1"], "--live asks its host"),
        (["verify", "--live", "web1", "--packets", "100000"], "at most 1000"),
        (["verify", "--live", "web1"], "--inventory"),
    ],
)
def test_a_source_that_is_none_ends_with_2_and_a_sentence(
    rules: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(rules.parent)
    monkeypatch.delenv("SECAUDIT_INVENTORY", raising=False)
    assert run(["firewall", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_text_of_rules_cannot_command_a_terminal(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(RULES.replace("-A INPUT -i lo", '-A INPUT -m comment --comment "\x1b[2J" -i lo'))
    run(["firewall", "query", str(rules), "--packet", "iif lo tcp 127.0.0.1:1 -> 127.0.0.1:2"])
    assert "\x1b" not in capsys.readouterr().out


def test_the_security_groups_of_an_interface_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def group(name: str, port: int) -> dict[str, object]:
        allowed = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        return {"GroupId": name, "GroupName": name, "IpPermissions": [allowed], "IpPermissionsEgress": []}

    groups = tmp_path / "groups.json"
    groups.write_text(json.dumps({"SecurityGroups": [group("sg-1", 22), group("sg-2", 443)]}))
    asked = ["firewall", "query", str(groups), "--packet", "tcp 198.51.100.7:4000 -> 192.0.2.1:443"]
    assert run(asked) == 3
    assert run([*asked, "--group", "sg-1"]) == 1
    assert run([*asked, "--group", "sg-1", "--group", "sg-2"]) == 0
    capsys.readouterr()
    assert run([*asked, "--group", "sg-9"]) == 2
    assert "sg-9" in capsys.readouterr().err


def test_security_groups_are_not_named_for_other_files(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "reach", str(rules), "--to", "tcp/22", "--group", "sg-1"]) == 2
    assert "security groups" in capsys.readouterr().err
