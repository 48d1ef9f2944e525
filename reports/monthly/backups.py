"""The promised copies of each dataset, held against what backup checks said on every day of the month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from secaudit.model.contract import BackupCopy, BackupRule, Contract, Dataset
from secaudit.model.month import EarlierContract, MonthRecord, Sighting
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result

from ..states import State
from .terms import CopyRow, RuleCell, RuleRow

FAMILY = "backup"
_ONSITE = frozenset({"onsite", "on-site", "local", "lokal"})
_WORST = (State.FAILED, State.UNPROVEN, State.WAIVED, State.PASSED)


def results_of(record: MonthRecord) -> list[Result]:
    """What backup checks say at the end of the month."""
    return [result for host in record.hosts for result in host.results if result.family == FAMILY]


def copy_rows(record: MonthRecord) -> tuple[CopyRow, ...]:
    """A row per copy that the last contract of the month promises, in its order."""
    contract = record.contract
    if contract is None:
        return ()
    first, last = record.month.first, record.month.last
    last = min(last, contract.until) if contract.until is not None else last
    return _rows(record, contract, max(first, contract.since), last, results_of(record))


def copies_of(record: MonthRecord, part: EarlierContract) -> tuple[CopyRow, ...]:
    """A row per copy that an earlier contract promised, with the days on which it was in force."""
    return _rows(record, part.contract, part.first, part.last, part.backups)


def _rows(
    record: MonthRecord, contract: Contract, first: date, last: date, results: Sequence[Result]
) -> tuple[CopyRow, ...]:
    return tuple(
        _copy_row(record, dataset, copy, [one for one in results if _is_about(one, dataset, copy)], first, last)
        for dataset in contract.datasets
        for copy in dataset.copies
    )


def unassigned(record: MonthRecord, rows: Iterable[CopyRow]) -> list[Result]:
    """What backup checks say about that no dataset of the contract claims."""
    claimed = {result.fingerprint for row in rows for result in row.results}
    return [result for result in results_of(record) if result.fingerprint not in claimed]


def _is_about(result: Result, dataset: Dataset, copy: BackupCopy) -> bool:
    """Whether a result speaks for a copy: its check reads that tool, and its subject names the dataset or the copy.

    Subjects of backup checks are what the baseline calls the repository, with `:path` behind it where paths are
    declared. Only the host that the contract names speaks for it: another one may have a repository of the same name.
    """
    if result.host != dataset.looked_at_on(copy):
        return False
    tool = result.check.removeprefix(f"{FAMILY}.").partition("-")[0]
    if copy.tool not in (tool, "") and not (tool == "file" and copy.tool not in ("restic", "borg")):
        return False
    named = result.subject.partition(":")[0]
    return named in copy.identity.values() or (named == dataset.name and not _names_other(dataset, copy))


def _names_other(dataset: Dataset, copy: BackupCopy) -> bool:
    """Whether a dataset has several copies by the tool, so that the dataset's name alone says too little."""
    return sum(other.tool == copy.tool for other in dataset.copies) > 1


def _copy_row(
    record: MonthRecord, dataset: Dataset, copy: BackupCopy, results: Sequence[Result], first: date, last: date
) -> CopyRow:
    seen = [record.sightings.get(result.fingerprint, ()) for result in results]
    return CopyRow(
        dataset=dataset.name,
        host=dataset.host,
        tool=copy.tool,
        place=copy.place,
        identity=tuple(sorted(copy.identity.items())),
        offsite=copy.place.lower() not in _ONSITE,
        rpo=dataset.rpo,
        first=first,
        state=worst(results),
        results=tuple(results),
        days=_days(record, seen, first, last),
    )


def worst(results: Iterable[Result]) -> State:
    """The worst of some results; not applicable when none of them says anything."""
    states = {
        State.WAIVED if result.waiver is not None and result.outcome is Outcome.FAILED else State(result.outcome.value)
        for result in results
    }
    return next((state for state in _WORST if state in states), State.NOT_APPLICABLE)


def _days(record: MonthRecord, seen: Sequence[Sequence[Sighting]], day: date, last: date) -> tuple[State, ...]:
    """The worst state of each local day from `day` to `last`, as far as they are over; unproven where nobody looked."""
    if not seen:
        return ()
    zone = ZoneInfo(record.timezone)
    last = min(last, (record.until - timedelta(microseconds=1)).astimezone(zone).date())
    by_day = [_by_day(sightings, zone) for sightings in seen]
    days: list[State] = []
    while day <= last:
        here = {state for days_of in by_day for state in days_of.get(day, {State.UNPROVEN})}
        days.append(next((state for state in _WORST if state in here), State.UNPROVEN))
        day += timedelta(days=1)
    return tuple(days)


def _by_day(sightings: Iterable[Sighting], zone: ZoneInfo) -> Mapping[date, set[State]]:
    found: dict[date, set[State]] = {}
    for sighting in sightings:
        if sighting.outcome is not Outcome.NOT_APPLICABLE:
            found.setdefault(_day(sighting.at, zone), set()).add(State(sighting.outcome.value))
    return found


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def rule_rows(contract: Contract | None, rows: Sequence[CopyRow]) -> tuple[RuleRow, ...]:
    """Each dataset of a contract against its 3-2-1-1-0 rule. The data themselves are the first copy.

    Media, immutability and restore errors are proven by no check so far, and so they are not claimed.
    """
    if contract is None or contract.backup_rule is None:
        return ()
    return tuple(
        _rule_row(contract.backup_rule, dataset, [row for row in rows if row.dataset == dataset.name])
        for dataset in contract.datasets
    )


def _rule_row(rule: BackupRule, dataset: Dataset, rows: Sequence[CopyRow]) -> RuleRow:
    return RuleRow(
        dataset=dataset.name,
        copies=_cell(rule.copies, [row.state for row in rows], 1),
        media=_unseen(rule.media),
        offsite=_cell(rule.offsite, [row.state for row in rows if row.offsite], 0),
        immutable=_unseen(rule.immutable),
        errors=RuleCell(rule.errors, None, State.UNPROVEN),
        restore_every=dataset.restore_every,
    )


def _cell(promised: int, states: Sequence[State], besides: int) -> RuleCell:
    """Proven copies; too few are a failure only when those that could not be proven would not be enough either."""
    proven = besides + states.count(State.PASSED)
    unclear = states.count(State.UNPROVEN) + states.count(State.NOT_APPLICABLE)
    if proven >= promised:
        return RuleCell(promised, proven, State.PASSED)
    return RuleCell(promised, proven, State.UNPROVEN if proven + unclear >= promised else State.FAILED)


def _unseen(promised: int) -> RuleCell:
    return RuleCell(promised, None, State.UNPROVEN if promised else State.NOT_APPLICABLE)
