"""A whole scan with what was checked again since: how things are now, as far as anybody looked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from secaudit.model.answer import Reach
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import HostRecord, RunReport


def rechecked(whole: RunReport, later: Iterable[RunReport]) -> RunReport:
    """The whole scan under its own head, with what `later` runs (the oldest first) said of the same and other hosts.

    A control that was judged again replaces what was known of it on that host. A failure is lifted only where the host
    was then scanned to the end and nothing of its control was left unproven, so that a re-check which saw less never
    makes anything look better.
    """
    hosts = {(one.customer, one.host): one for one in whole.hosts}
    results = _by_host(whole.results)
    for run in later:
        found = _by_host(run.results)
        for record in run.hosts:
            place = (record.customer, record.host)
            before = hosts.get(place)
            if before is None or not run.run.narrow or record.status is not Reach.COMPLETE:
                hosts[place] = record
            results[place] = _replaced(results.get(place, []), found.get(place, []), record, is_narrow=run.run.narrow)
    return RunReport(whole.run, tuple(hosts.values()), tuple(one for found in results.values() for one in found))


def _by_host(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    ordered = sorted(results, key=lambda one: (one.customer, one.host))
    return {place: list(found) for place, found in groupby(ordered, key=lambda one: (one.customer, one.host))}


def _replaced(before: Sequence[Result], now: Sequence[Result], record: HostRecord, *, is_narrow: bool) -> list[Result]:
    judged = {one.control for one in now}
    unproven = {one.control for one in now if one.outcome is Outcome.UNPROVEN}
    seen = {one.fingerprint for one in now if one.outcome is Outcome.FAILED}
    is_whole = record.status is Reach.COMPLETE

    def stays(one: Result) -> bool:
        if one.outcome is Outcome.FAILED and one.fingerprint not in seen and (not is_whole or one.control in unproven):
            return True
        # A whole re-check of a host that no longer has a control is the newest word about that, too.
        return one.control not in judged and (is_narrow or not is_whole)

    return [*(one for one in before if stays(one)), *now]
