"""Reference data: opened once, loaded once for each kind of system, recorded with the run, never a reason to crash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secaudit.api import (
    Answers,
    Expect,
    Facts,
    Family,
    FeedStamp,
    Platform,
    ReferenceSource,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    collector,
    passed,
    reference,
)
from secaudit.engine.evaluate import evaluate
from secaudit.engine.plan import HostPlan, plan_host
from secaudit.engine.reference import ReferenceData, open_references
from secaudit.model.answer import HostTranscript, Reach
from secaudit.model.baseline import Control, Location
from secaudit.model.inventory import Host
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.plugins import Registry

AT = datetime(2026, 11, 24, tzinfo=UTC)
STAMP = FeedStamp("tides", AT, "0" * 64)


@dataclass(frozen=True)
class Tides:
    text: str


@dataclass(frozen=True)
class Here:
    text: str


class Nothing(Expect):
    """Nothing is expected."""


@dataclass
class Tables:
    directory: Path
    asked: list[Platform | None] = field(default_factory=list)
    stamps: tuple[FeedStamp, ...] = (STAMP,)

    def load(self, platform: Platform | None) -> Tides:
        self.asked.append(platform)
        if platform is None:
            raise Unproven(UnprovenKind.STALE, "no table without a platform")
        return Tides(f"{platform.os_id} {self.directory.name}")


@check("sea.tide", title="Tide", severity=Severity.LOW, requires=[Here], expect=Nothing, remediation="Wait.")
def tide(facts: Facts, expect: Nothing) -> Iterator[Verdict]:
    """Says which table was used."""
    yield passed(observed=facts[Here].text, expected="a table")


@collector(Here, uses=[Tides])
def here(answers: Answers) -> Here:
    return Here(f"{answers.facts[Tides].text} at home")


@collector(Platform)
def platform(_: Answers) -> Platform:
    return Platform("debian", "12")


def registry(open_: object, *, with_platform: bool = True) -> Registry:
    declared = reference(Tides)(open_)  # type: ignore[arg-type]  # some tests hand over what is no source
    collectors = (here, platform) if with_platform else (here,)
    return Registry({"sea": Family("sea", "Sea", __name__, (tide,), collectors, (declared,))}, {})


def plan(known: Registry, name: str = "web1") -> HostPlan:
    control = Control("own-tide", "sea.tide", Severity.LOW, Nothing(), Location("own.yaml", 1))
    return plan_host(Host("muster", "vienna", name, "192.0.2.1"), [control], known)


def judged(known: Registry, references: ReferenceData | None, name: str = "web1") -> Result:
    transcript = HostTranscript("muster", "vienna", name, "192.0.2.1", AT, AT, Reach.COMPLETE, "", ())
    (result,), _ = evaluate(plan(known, name), known, transcript, references=references)
    return result


def test_a_fact_of_the_run_reaches_collectors_and_is_loaded_once_for_each_platform(tmp_path: Path) -> None:
    opened: list[Tables] = []

    def open_(directory: Path) -> ReferenceSource[Tides]:
        opened.append(Tables(directory))
        return opened[-1]

    known = registry(open_)
    data = open_references([plan(known), plan(known, "web2")], known, tmp_path / "tables")
    results = [judged(known, data, name) for name in ("web1", "web2")]

    assert [result.observed for result in results] == ["debian tables at home"] * 2
    assert [tables.asked for tables in opened] == [[Platform("debian", "12")]]
    assert data.stamps == (STAMP,)


def test_what_no_control_needs_is_not_opened(tmp_path: Path) -> None:
    def open_(directory: Path) -> ReferenceSource[Tides]:
        raise AssertionError(directory)

    known = registry(open_)
    empty = plan_host(Host("muster", "vienna", "web1", "192.0.2.1"), [], known)

    assert open_references([empty], known, tmp_path).stamps == ()


def test_without_reference_data_nothing_is_proven() -> None:
    result = judged(registry(Tables), None)

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, UnprovenKind.STALE)


def _refuses(directory: Path) -> ReferenceSource[Tides]:
    raise Unproven(UnprovenKind.STALE, f"{directory.name} is empty")


def _explodes(directory: Path) -> ReferenceSource[Tides]:
    raise OSError(directory)


class _Broken(Tables):
    def load(self, platform: Platform | None) -> Tides:
        raise KeyError(platform)


class _Liar(Tables):
    def load(self, platform: Platform | None) -> Tides:
        return Here("not a table")  # type: ignore[return-value]  # the point of the test


@pytest.mark.parametrize(
    ("open_", "kind", "reason"),
    [
        (_refuses, UnprovenKind.STALE, "tables is empty"),
        (_explodes, UnprovenKind.PLUGIN, "could not be opened: OSError"),
        (_Broken, UnprovenKind.PLUGIN, "raised KeyError"),
        (_Liar, UnprovenKind.PLUGIN, "gave Here"),
    ],
)
def test_trouble_with_reference_data_is_unproven(
    open_: object, kind: UnprovenKind, reason: str, tmp_path: Path
) -> None:
    known = registry(open_)
    data = open_references([plan(known)], known, tmp_path / "tables")
    result = judged(known, data)

    assert (result.outcome, result.kind) == (Outcome.UNPROVEN, kind)
    assert reason in result.reason


def test_a_source_decides_itself_what_an_unknown_platform_means(tmp_path: Path) -> None:
    known = registry(Tables, with_platform=False)

    assert judged(known, open_references([plan(known)], known, tmp_path)).reason == "no table without a platform"
