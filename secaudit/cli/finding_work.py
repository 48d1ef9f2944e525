"""`secaudit findings ack|pause|resume|note|withdraw`: what people do about a finding, and what its clocks say."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from secaudit.cli.exits import CommandError, Exit
from secaudit.cli.options import store_option
from secaudit.cli.service_files import HERE, contracts_option, read_contracts
from secaudit.cli.times import Length
from secaudit.model.safe_text import visible_line

if TYPE_CHECKING:
    from secaudit.model.sla import ClockReading, EventKind, FindingEvent
    from secaudit.store import Store
    from secaudit.store.lifecycle import Finding

F = TypeVar("F", bound=Callable[..., object])


def _person_options(function: F) -> F:
    for option in (
        click.option("--by", "author", help="Who does it [default: the name that you are logged in with]."),
        click.option("--note", default="", help="Anything that others should know."),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("fingerprint")
@_person_options
@store_option
def ack(fingerprint: str, author: str | None, note: str, store_url: str | None) -> int:
    """Say that somebody takes care of a finding. Its response clock ends."""
    from secaudit.model.sla import EventKind

    return _add(store_url, fingerprint, EventKind.ACKNOWLEDGED, author, note)


@click.command()
@click.argument("fingerprint")
@click.argument("text")
@click.option("--by", "author", help="Who writes it [default: the name that you are logged in with].")
@store_option
def note(fingerprint: str, text: str, author: str | None, store_url: str | None) -> int:
    """Write TEXT down beside a finding."""
    from secaudit.model.sla import EventKind

    if not text.strip():
        raise CommandError("there is nothing to write down")
    return _add(store_url, fingerprint, EventKind.NOTED, author, text)


@click.command()
@click.argument("fingerprint")
@click.option("--reason", required=True, help="One of the pause reasons that the contract names.")
@click.option(
    "--for", "length", type=Length(), required=True, help="How long at most, e.g. 5d; it then ends by itself."
)
@_person_options
@contracts_option
@store_option
def pause(
    fingerprint: str,
    reason: str,
    length: timedelta,
    author: str | None,
    note: str,
    contracts: Path | None,
    store_url: str | None,
) -> int:
    """Let the clocks of a finding stand still.

    The contract has to allow the reason, and the length with all pauses that the finding had since it was opened.
    """
    from secaudit.cli.pausing import refuse_pause
    from secaudit.cli.stored import read_store
    from secaudit.model.sla import EventKind

    now = datetime.now(UTC)
    if length <= timedelta():
        raise CommandError("--for needs some time")
    promised = read_contracts(contracts, HERE)
    with ExitStack() as stack:
        store = read_store(store_url, stack)
        finding = _finding(store, fingerprint)
        refuse_pause(promised, finding.customer, store.events(fingerprint), reason, length, now)
    return _add(store_url, fingerprint, EventKind.PAUSED, author, note, reason=reason, until=now + length)


@click.command()
@click.argument("fingerprint")
@_person_options
@store_option
def resume(fingerprint: str, author: str | None, note: str, store_url: str | None) -> int:
    """Let the clocks of a paused finding run again."""
    from secaudit.model.sla import EventKind

    return _add(store_url, fingerprint, EventKind.RESUMED, author, note)


@click.command()
@click.argument("fingerprint")
@click.argument("number", type=click.IntRange(1), required=False)
@_person_options
@store_option
def withdraw(fingerprint: str, number: int | None, author: str | None, note: str, store_url: str | None) -> int:
    """Take back an acknowledgement or note.

    NUMBER, which `findings show` tells, chooses it; else it is the last one that stands. It stays in the history.
    Without its acknowledgement a finding has the response clock that it would have had.
    """
    from secaudit.cli.stored import read_store
    from secaudit.model.sla import EventKind, withdrawals
    from secaudit.store.finding_events import REVOCABLE

    with ExitStack() as stack:
        store = read_store(store_url, stack)
        _finding(store, fingerprint)
        events = store.events(fingerprint)
    withdrawn = withdrawals(events)
    if number is None:
        standing = [event for event in events if event.kind in REVOCABLE and event.number not in withdrawn]
        if not standing:
            raise CommandError(f"the finding {fingerprint} has no acknowledgement or note that could be taken back")
        number = standing[-1].number
    return _add(store_url, fingerprint, EventKind.WITHDRAWN, author, note, withdraws=number)


def clock_lines(finding: Finding, events: tuple[FindingEvent, ...], contracts: Path | None) -> Iterator[str]:
    """What the clocks of a finding say now, and what people did about it; a line each."""
    from secaudit.model.sla import EventKind, withdrawals
    from secaudit.sla.clocks import read_clocks
    from secaudit.sla.history import ContractHistory
    from secaudit.store.finding_events import REVOCABLE

    mine = read_contracts(contracts, HERE).of(finding.customer)
    lives = read_clocks(events, ContractHistory(mine), datetime.now(UTC)) if mine else ()
    if lives:
        clocks = lives[-1]
        if clocks.unmeasured is not None:
            yield f"no clock     {clocks.unmeasured.value.replace('_', ' ')}"
        for label, reading in (("response", clocks.response), ("remediation", clocks.remediation)):
            if reading is not None:
                yield f"{label:<12} {_clock_line(reading)}"
    shown = (EventKind.ACKNOWLEDGED, EventKind.PAUSED, EventKind.RESUMED, EventKind.NOTED, EventKind.WAIVED)
    withdrawn = withdrawals(events)
    for event in events:
        if event.kind in shown:
            until = f" until {event.until:%Y-%m-%d %H:%M}" if event.until else ""
            words = ": ".join(text for text in (event.reason, event.note) if text)
            what = f"{event.kind.value}{until} by {event.author}{f' ({words})' if words else ''}"
            if event.kind in REVOCABLE:
                what += f" [{event.number}]"
            if back := withdrawn.get(event.number):
                why = f" ({back.note})" if back.note else ""
                what += f", taken back by {back.author} on {back.at:%Y-%m-%d %H:%M}{why}"
            yield f"{event.at:%Y-%m-%d %H:%M}  {visible_line(what)}"


def _clock_line(reading: ClockReading) -> str:
    from secaudit.api import show_duration

    due = f"{reading.due:%Y-%m-%d %H:%M} UTC" if reading.due else "never"
    left = f", {show_duration(reading.left)} left" if reading.left is not None and reading.ended is None else ""
    paused = f", {show_duration(reading.paused)} paused" if reading.paused else ""
    promise = f"{reading.priority} {reading.promised} ({reading.clock} clock)"
    return f"{promise}: {reading.state.value}, due {due}{left}; {show_duration(reading.elapsed)} passed{paused}"


def _add(
    store_url: str | None,
    fingerprint: str,
    kind: EventKind,
    author: str | None,
    note: str,
    *,
    reason: str = "",
    until: datetime | None = None,
    withdraws: int = 0,
) -> int:
    from secaudit.cli.stored import written_store
    from secaudit.model.sla import FindingEvent
    from secaudit.store.finding_events import REVOCABLE

    event = FindingEvent(
        fingerprint,
        kind,
        datetime.now(UTC),
        until=until,
        author=author or person(),
        reason=reason,
        note=note,
        withdraws=withdraws,
    )
    with ExitStack() as stack:
        store = written_store(store_url, stack)
        _finding(store, fingerprint)
        number = store.add_event(event)
    end = f" until {until:%Y-%m-%d %H:%M} UTC" if until is not None else ""
    which = f" [{withdraws or number}]" if withdraws or kind in REVOCABLE else ""
    click.echo(f"{fingerprint}: {kind.value} by {visible_line(event.author)}{end}{which}")
    return Exit.FINE


def _finding(store: Store, fingerprint: str) -> Finding:
    finding = store.finding(fingerprint)
    if finding is None:
        raise CommandError(f"the store knows no finding {fingerprint!r}; see `secaudit findings list`")
    return finding


def person() -> str:
    """The name that whoever runs this is logged in with. Raises CommandError without one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise CommandError("nobody is logged in under a name; say who you are with --by") from None
