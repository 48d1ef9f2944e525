"""What a contract names is in the inventory, or an error that says where and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.config.contract import load_contracts
from tests.config.test_contract import SMALL

INVENTORY = """\
customer: {id: muster, name: Muster GmbH}
sites:
  vienna:
    hosts:
      db1: {address: 10.20.0.12}
      web1: {address: 10.20.0.11}
"""

BACKUP = """\
backup:
  datasets:
    - name: shop-db
      host: db9
      rpo: 4h
      copies:
        - {tool: borg, place: onsite}
        - {tool: restic, place: cloud, host: web9}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("contracts", "inventory"):
        (tmp_path / folder).mkdir()
    (tmp_path / "inventory" / "muster.yaml").write_text(INVENTORY)
    (tmp_path / "contracts" / "muster.yaml").write_text(SMALL + BACKUP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["contract", "validate", "contracts"],
        ["contract", "validate", "contracts/muster.yaml"],
        ["scan", "--inventory", "inventory"],
        ["scan", "--inventory", "inventory/muster.yaml"],
    ],
)
def test_a_host_that_is_not_there_is_an_error_with_its_place(
    place: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 2
    assert [line.partition("contracts/")[2] for line in capsys.readouterr().err.splitlines()] == [
        "muster.yaml:9:13: the inventory has no host 'db9' of customer 'muster' (did you mean 'db1'?)",
        "muster.yaml:13:46: the inventory has no host 'web9' of customer 'muster' (did you mean 'web1'?)",
    ]


def test_a_customer_that_is_not_there_is_an_error_unless_another_file_may_have_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "contracts" / "muster.yaml").write_text(SMALL.replace("id: muster", "id: mustre"))
    assert run(["contract", "validate", "contracts"]) == 2
    assert "muster.yaml:2:16: the inventory has no customer 'mustre' (did you mean 'muster'?)" in (
        capsys.readouterr().err
    )
    assert run(["contract", "validate", "contracts", "--inventory", "inventory/muster.yaml"]) == 0


def test_a_contract_that_is_over_may_name_a_host_that_is_gone(place: Path) -> None:
    over = (SMALL + BACKUP).replace("{from: 2026-01-01}", "{from: 2020-01-01, until: 2020-12-31}")
    (place / "contracts" / "muster.yaml").write_text(over)
    assert run(["contract", "validate", "contracts"]) == 0


def test_without_an_inventory_it_is_said_that_nothing_was_looked_up(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "inventory" / "muster.yaml").unlink()
    assert run(["contract", "validate", "contracts"]) == 0
    assert "no inventory was there to look hosts up in" in capsys.readouterr().out


def test_a_copy_may_be_looked_at_on_another_host_and_a_cost_has_a_title(place: Path) -> None:
    costs = (
        'costs: [{service: monitoring, title: "Überwachung rund um die Uhr", '
        'per: month, amount: "1.00", currency: EUR}]\n'
    )
    (place / "contracts" / "muster.yaml").write_text(SMALL + BACKUP + costs)
    (contract,) = load_contracts(place / "contracts").all
    (dataset,) = contract.datasets
    assert [dataset.looked_at_on(copy) for copy in dataset.copies] == ["db9", "web9"]
    assert [cost.called for cost in contract.costs] == ["Überwachung rund um die Uhr"]
