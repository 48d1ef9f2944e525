"""References of contracts to an inventory, resolved so that no promise is about something that nobody scans."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from secaudit.config.errors import Problem, suggestion
from secaudit.model.baseline import Location
from secaudit.model.contract import Contract, Contracts
from secaudit.model.inventory import Inventory


def unresolved(contracts: Contracts, inventory: Inventory, today: date, *, is_whole: bool) -> Iterator[Problem]:
    """Every customer and host that a contract names and the inventory does not.

    Contracts that are over are left out: a host of theirs may be gone. Unless the inventory `is_whole`, the customers
    that it lacks may stand in another file of it.
    """
    hosts = {
        customer.id: {host.name for site in customer.sites for host in site.hosts} for customer in inventory.customers
    }
    for contract in contracts.all:
        if contract.until is not None and contract.until < today:
            continue
        if contract.customer in hosts:
            yield from _unknown_hosts(contract, hosts[contract.customer])
        elif is_whole:
            message = f"the inventory has no customer {contract.customer!r}"
            yield Problem(contract.customer_at, message, suggestion(contract.customer, hosts))


def _unknown_hosts(contract: Contract, known: Collection[str]) -> Iterator[Problem]:
    for host, place in _named_hosts(contract):
        if host not in known:
            message = f"the inventory has no host {host!r} of customer {contract.customer!r}"
            yield Problem(place, message, suggestion(host, known))


def _named_hosts(contract: Contract) -> Iterator[tuple[str, Location | None]]:
    for dataset in contract.datasets:
        yield dataset.host, dataset.host_at
        for copy in dataset.copies:
            if copy.host:
                yield copy.host, copy.host_at
