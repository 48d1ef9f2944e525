"""`secaudit firewall verify`: from a file to the kernel's word on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from secaudit.checks.firewall.commands import command

from secaudit.cli.laboratory import Laboratory
from secaudit.cli.main import run
from secaudit.model.observation import Fate, Observation, RulesetText
from secaudit.model.packet import Packet

RULES = """\
table inet filter {
  set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 192.0.2.7 } }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related counter accept
    tcp dport 22 ip saddr @admins counter accept
    tcp dport { 80, 443 } counter accept
    tcp dport 443 counter drop
  }
}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.nft"
    path.write_text(RULES)
    return path


@pytest.mark.root
def test_the_kernel_agrees(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["firewall", "verify", str(rules), "--packets", "500", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["agreed"] > 450
    assert found["mismatches"] == []
    assert found["rules"] == 4


class Contrary:
    """A kernel that drops whatever it is sent and counts nothing."""

    def observe(self, rulesets: Sequence[RulesetText], packets: Sequence[Packet]) -> Observation:
        return Observation((Fate.DROPPED,) * len(packets), (), (), {})


class WrongLaboratory(Laboratory):
    """A laboratory whose kernel is contrary."""

    @contextmanager
    def kernel(self, interfaces: Iterable[str]) -> Iterator[Contrary]:
        yield Contrary()


def test_a_kernel_that_does_otherwise_is_told(rules: Path) -> None:
    arguments = ["verify", str(rules), "--packets", "200"]
    ended = CliRunner().invoke(command, arguments, obj=WrongLaboratory(), standalone_mode=False)
    assert ended.return_value == 1
    assert "MISMATCH" in ended.output


def test_what_no_kernel_loads_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "groups.json"
    path.write_text('{"SecurityGroups": []}')
    assert run(["firewall", "verify", str(path)]) == 2
    assert "the Linux kernel loads no aws ruleset" in capsys.readouterr().err
