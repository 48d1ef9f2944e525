"""Waivers and deadlines over the results of a scan: contract, waivers and store put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from secaudit.model.contract import Contracts, WaiverRules
from secaudit.model.inventory import Host
from secaudit.model.result import Result
from secaudit.model.waiver import WaiverGrant
from secaudit.sla.deadlines import with_deadlines
from secaudit.sla.history import ContractHistory
from secaudit.sla.waivers import CONTROL, apply

if TYPE_CHECKING:
    from secaudit.store import Store


class Promises:
    """The overlay of a scan (see `secaudit.engine.overlay`).

    `waivers` is None where no waivers are kept: then nothing is said about them either. `only` are the globs that the
    controls of the scan were chosen by: a waiver of a control that was left out cannot be judged, and whether a control
    passes that a waiver depends on is what the store's last whole scan said. Without a store, deadlines count from when
    a finding was first seen, and pauses are not known.
    """

    def __init__(
        self,
        contracts: Contracts,
        waivers: Sequence[WaiverGrant] | None,
        store: Store | None,
        only: Sequence[str] = (),
    ) -> None:
        self._waivers = waivers
        self._store = store
        self._only = only
        self._judges_waivers = not only or any(fnmatchcase(CONTROL, pattern) for pattern in only)
        customers = {contract.customer for contract in contracts.all}
        self._histories = {customer: ContractHistory(contracts.of(customer)) for customer in customers}

    def __call__(
        self, host: Host, results: Sequence[Result], moment: datetime, known: Mapping[str, datetime]
    ) -> tuple[Result, ...]:
        """The results with waivers and deadlines, and results about the waivers behind them. Raises StoreError."""
        history = self._histories.get(host.customer)
        waivers = self._waivers
        if waivers is None and self._has_trouble(host):
            # The last file of waivers was taken away: what was wrong with them is over.
            waivers = ()
        if waivers is not None:
            contract = history.at(moment) if history else None
            rules = contract.waivers if contract else WaiverRules()
            left_out = self._left_out(waivers, host, results)
            results = apply(waivers, rules, host, results, moment, known, left_out)
            if not self._judges_waivers:
                results = tuple(result for result in results if result.control != CONTROL)
        if history is None:
            return tuple(results)
        events = self._store.all_events(host.customer, host.name) if self._store else {}
        return with_deadlines(results, events, history, moment)

    def _has_trouble(self, host: Host) -> bool:
        """Whether something is known to be wrong with a waiver that concerns a host."""
        if self._store is None:
            return False
        from secaudit.store import FindingFilter

        return self._store.count(FindingFilter(customer=host.customer, host=host.name, control=CONTROL)) > 0

    def _left_out(self, waivers: Sequence[WaiverGrant], host: Host, results: Sequence[Result]) -> tuple[Result, ...]:
        """What was known last about the controls that waivers of a host depend on and that this scan left out."""
        if not self._only or self._store is None:
            return ()
        guards = {control for grant in waivers if grant.concerns(host) for control in grant.while_passed}
        guards -= {result.control for result in results}
        known = self._store.host_results(host.customer, host.name) if guards else ()
        return tuple(result for result in known if result.control in guards)
