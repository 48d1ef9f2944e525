"""Two processes that work on one store at once, as people and schedules do: `python -m tests.store.hammer URL`.

One is a dashboard: it keeps the store open for reading, acknowledges, takes that back, and looks whether what it wrote
is there. The other is a shell: each scan and each note opens the store and closes it again, as commands do. At the end
everything that was reported as stored must be there, in a chain that fits.

    python -m tests.store.hammer sqlite:////tmp/hammer.sqlite --seconds 600
    python -m tests.store.hammer postgresql+psycopg://user@host/database --seconds 600
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from secaudit.cli.ui_services import Sources, make_services
from secaudit.model.inventory import Host
from secaudit.model.sla import EventKind, FindingEvent
from secaudit.plugins import Registry
from secaudit.store import StoreError, open_store
from tests.store.scenes import a_result, a_run, record

HOSTS = tuple(Host("muster", "vienna", f"host{number}", f"10.0.0.{number}") for number in range(20))
ROOT = Path(__file__).parents[2]
MODULE = "tests.store.hammer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the two processes reported as stored, what went wrong, and what the store says afterwards."""

    promised: Counter[str]
    stored: Counter[str]
    errors: tuple[str, ...]
    breaches: int


def hammer(url: str, *, seconds: float | None = None, rounds: int | None = None) -> Outcome:
    """Let both work, for so many seconds or rounds each, on a store that is created first."""
    for number, host in enumerate(HOSTS):
        _scan(url, f"begin-{number}", host)
    bound = ["--seconds", str(seconds)] if seconds is not None else ["--rounds", str(rounds)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", MODULE, url, "--part", part, *bound], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for part in _PARTS
    ]
    promised: Counter[str] = Counter()
    errors: list[str] = []
    for part, worker in zip(_PARTS, workers, strict=True):
        told, _ = worker.communicate()
        if worker.returncode != 0:
            errors.append(f"{part} ended with {worker.returncode}")
            continue
        said = json.loads(told)
        promised.update(said["written"])
        errors += said["errors"]
    return Outcome(promised, *_stored(url, errors))


def _stored(url: str, errors: list[str]) -> tuple[Counter[str], tuple[str, ...], int]:
    try:
        with open_store(url, read_only=True) as store:
            events = store.all_events("muster")
            stored = Counter(event.kind.value for of_one in events.values() for event in of_one if event.author)
            runs = store.runs("muster", 10_000_000)
            stored["scan"] = sum(found.run.id.startswith("run-") for found in runs)
            return stored, tuple(errors), len(store.verify_chain().breaches)
    except StoreError as error:
        return Counter(), (*errors, str(error)), 0


def _scan(url: str, run_id: str, host: Host) -> None:
    with open_store(url) as store:
        run = replace(a_run(id=run_id), started=datetime.now(UTC))
        store.begin(run, [host])
        record(store, run, host, [a_result(host)], at=run.started)
        store.finish(replace(run, finished=datetime.now(UTC)))


def _event(host: Host, kind: EventKind, note: str = "", withdraws: int = 0) -> FindingEvent:
    now, author = datetime.now(UTC), "anna@provider.example"
    return FindingEvent(a_result(host).fingerprint, kind, now, author=author, note=note, withdraws=withdraws)


def _dashboard(url: str, written: Counter[str], fail: Callable[[str], None]) -> Iterator[None]:
    services = make_services(Sources(url, None, None, None, Path("/nonexistent")), Registry({}, {}), read_only=False)
    assert services.record is not None
    with open_store(url, read_only=True) as reader:
        while True:
            for host in HOSTS:
                try:
                    number = services.record(_event(host, EventKind.ACKNOWLEDGED))
                    written[EventKind.ACKNOWLEDGED.value] += 1
                    if number not in {event.number for event in reader.events(a_result(host).fingerprint)}:
                        fail(f"the reader does not see event {number}")
                    services.record(_event(host, EventKind.WITHDRAWN, withdraws=number))
                    written[EventKind.WITHDRAWN.value] += 1
                    reader.customers()
                except StoreError as error:
                    fail(str(error))
                yield


def _shell(url: str, written: Counter[str], fail: Callable[[str], None]) -> Iterator[None]:
    number = 0
    while True:
        for host in HOSTS:
            number += 1
            try:
                _scan(url, f"run-{number}", host)
                written["scan"] += 1
                for _ in range(3):
                    with open_store(url, create=False) as store:
                        store.add_event(_event(host, EventKind.NOTED, note="looked at it"))
                    written[EventKind.NOTED.value] += 1
            except StoreError as error:
                fail(str(error))
            yield


_PARTS = {"dashboard": _dashboard, "shell": _shell}


def _work(url: str, part: str, seconds: float | None, rounds: int | None) -> None:
    written: Counter[str] = Counter()
    errors: list[str] = []
    end = time.monotonic() + seconds if seconds is not None else None
    for done, _ in enumerate(_PARTS[part](url, written, errors.append), 1):
        if done == rounds or len(errors) > 100 or (end is not None and time.monotonic() >= end):
            break
    json.dump({"written": written, "errors": errors}, sys.stdout)


def main() -> None:
    """Hammer a store and say what became of it; exit code 1 when anything was lost or went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="a store that does not exist yet")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--part", choices=_PARTS, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.part:
        _work(told.url, told.part, told.seconds, told.rounds)
        return
    seconds = 600.0 if told.seconds is None and told.rounds is None else told.seconds
    found = hammer(told.url, seconds=seconds, rounds=told.rounds)
    lines = (
        f"reported as stored: {dict(found.promised)}",
        f"in the store:       {dict(found.stored)}",
        f"errors: {len(found.errors)}, breaches of the chain: {found.breaches}",
        *found.errors[:10],
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(found.errors != () or found.promised != found.stored or found.breaches > 0)


if __name__ == "__main__":
    main()
