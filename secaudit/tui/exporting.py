"""A report of some findings: what an export writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunReport, baselines_of
from secaudit.tui.source import Source


@dataclass(frozen=True, slots=True)
class Picked:
    """A finding that is to be exported, and the run that reported it last."""

    fingerprint: str
    customer: str
    host: str
    run: str


def report_of(source: Source, picked: Sequence[Picked]) -> RunReport:
    """The results of these findings under the head of the newest run among them, in the given order.

    Raises UserError when the store cannot be read. A result that is no longer stored is left out.
    """
    results: dict[str, Result] = {}
    for customer, host, run in dict.fromkeys((one.customer, one.host, one.run) for one in picked):
        results |= {found.fingerprint: found for found in source.host_results(customer, host, run)}
    chosen = tuple(results[one.fingerprint] for one in picked if one.fingerprint in results)
    wanted = {(one.customer, one.host) for one in picked}
    hosts: tuple[HostRecord, ...] = tuple(
        found.record for found in source.hosts() if (found.record.customer, found.record.host) in wanted
    )
    newest = max(one.run for one in picked)
    head = source.report(newest).run
    # A run has the baselines of everybody that it scanned.
    return RunReport(replace(head, baselines=baselines_of(head.baselines, chosen)), hosts, chosen)
