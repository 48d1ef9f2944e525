"""The samples in the documentation work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from secaudit.config.baseline import BaselineLibrary
from secaudit.config.contract import load_contracts
from secaudit.config.delivery import load_delivery
from secaudit.config.inventory import load_inventory
from secaudit.config.schedule import load_schedules
from secaudit.config.trackers import load_trackers
from secaudit.config.waivers import load_waivers
from secaudit.plugins import discover
from tests.config.conftest import Write

DOCS = Path(__file__).parents[2] / "docs"


def sample(page: str, number: int = 0) -> str:
    """A YAML block of a page, the first unless its number is given."""
    blocks: list[str] = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return blocks[number]


def test_inventory(write: Write) -> None:
    write("baselines/muster-db.yaml", "")
    path = write("muster.yaml", sample("inventory.md"))
    assert [host.name for host in load_inventory(path, BaselineLibrary().names()).hosts] == ["web1", "db1", "self"]


def test_baseline(write: Write) -> None:
    registry = discover()
    path = write("muster-web.yaml", sample("baselines.md"))
    controls = BaselineLibrary().resolve([str(path)], registry.checks, registry.broken).controls
    assert "raid" not in controls
    assert controls["muster-uploads"].references == {"cis-v8": ("4.4",), "bsi": ("NET.3.2.A2",)}


def test_what_only_a_customer_can_say(write: Write) -> None:
    registry = discover()
    path = write("muster-db.yaml", sample("baselines.md", 1))
    controls = BaselineLibrary().resolve([str(path)], registry.checks, registry.broken).controls
    assert {"shop-db-dump", "shop-db-offsite", "intended-flows"} < controls.keys()


def test_every_shipped_baseline_is_told() -> None:
    shipped = (DOCS / "baselines.md").read_text(encoding="utf-8").split("## What is shipped")[1].split("## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", shipped, re.MULTILINE)) == set(BaselineLibrary().names())


def test_schedule(write: Write) -> None:
    write("inventory/muster.yaml", "")
    write("schedules/nightly.yaml", sample("schedules.md"))
    (schedule,) = load_schedules(Path("schedules"))
    assert schedule.only == ("patch.*", "backup.*")


def test_contract(write: Write) -> None:
    (contract,) = load_contracts(write("muster.yaml", sample("contract.md"))).all
    assert [priority.id for priority in contract.priorities] == ["P1", "P2", "P3", "P4"]


def test_waivers(write: Write) -> None:
    grants = load_waivers(write("muster.yaml", sample("waivers.md")))
    assert [grant.name for grant in grants] == ["web-open-ports@web1/tcp/8080", "patch-*@*#legacy/*"]
    assert not any(grant.is_too_broad for grant in grants)


def test_availability(write: Write) -> None:
    contract = re.sub(
        r"^availability:\n(  .*\n)+", sample("availability.md"), sample("contract.md"), flags=re.MULTILINE
    )
    (loaded,) = load_contracts(write("muster.yaml", contract)).all
    assert [promise.service for promise in loaded.availability] == ["shop", "mail", "database", "portal"]


def test_delivery(write: Write) -> None:
    plan = load_delivery(write("all.yaml", sample("delivery.md")))
    assert [target.name for target in plan.targets] == ["office", "chat", "archive"]


def test_tracker(write: Write) -> None:
    (tracker,) = load_trackers(write("muster.yaml", sample("trackers.md")))
    assert (tracker.customer, tracker.project) == ("muster", "OPS")
