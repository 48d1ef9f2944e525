"""Where probes of a service come from: the file that its contract names, and the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from secaudit.cli.exits import CommandError
from secaudit.config.contract_probes import read_probes
from secaudit.model.availability import Availability, Probe
from secaudit.sla.availability import LATE, measure

if TYPE_CHECKING:
    from secaudit.model.contract import AvailabilityTarget, Contract
    from secaudit.store import Store


def measured(
    store: Store | None,
    contract: Contract,
    promised: AvailabilityTarget,
    start: datetime,
    end: datetime,
    imported: Sequence[Probe] | None = None,
) -> Availability:
    """What is known about a service between two moments (aware UTC).

    `imported` is what its file holds, for whoever measures several periods; by default the file is read. Raises
    ConfigError when it cannot be read, and CommandError when nothing at all is there to be measured by.
    """
    if imported is None:
        imported = read_probes(Path(promised.source)) if promised.source else ()
    # A probe before the period may speak for its begin, and failures in a row may begin before it. What was seen after
    # its end was not known then: a month that is over does not change any more.
    near = (promised.every + LATE) * (promised.down_after + 1)
    probes = [probe for probe in imported if start - near <= probe.at < end]
    if store is not None:
        probes += store.probes(contract.customer, promised.service, start - near, end)
    if not probes and not promised.source:
        raise CommandError(f"nothing has probed {promised.service} yet")
    return measure(contract, promised, probes, start, end)
