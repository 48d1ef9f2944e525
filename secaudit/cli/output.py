"""Writing a run down: formats into a directory, and the summary that a person reads in the terminal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

from secaudit.api import Format, Speech
from secaudit.cli.exits import CommandError, Exit
from secaudit.model.answer import Reach
from secaudit.model.counted import counted
from secaudit.model.outcome import Outcome
from secaudit.model.result import Result
from secaudit.model.run import RunReport
from secaudit.model.safe_text import visible_line
from secaudit.model.severity import Severity

GROUP = "secaudit.formats"
"""The entry-point group of output formats."""

SHOWN_FINDINGS = 15
"""How many findings the terminal summary lists; the rest is in the reports."""

SHOWN_SUBJECTS = 6
"""How many subjects of one control it names."""


def formats(names: Sequence[str]) -> tuple[Format, ...]:
    """The formats called `names`. Raises CommandError with the list of what there is."""
    there = {entry.name: entry for entry in entry_points(group=GROUP)}
    unknown = [name for name in names if name not in there]
    if unknown:
        raise CommandError(f"no such format: {', '.join(unknown)}; there are: {', '.join(sorted(there))}")
    found = [there[name].load() for name in dict.fromkeys(names)]
    for name, loaded in zip(names, found, strict=False):
        if not isinstance(loaded, Format):
            raise CommandError(f"the plugin of format {name!r} is broken: it names no Format", Exit.INTERNAL)
    return tuple(found)


def in_language(chosen: Sequence[Format], language: str) -> tuple[Format, ...]:
    """The formats in a language; those that are data stay as they are. Raises CommandError for one nobody speaks."""
    if language == "en":
        return tuple(chosen)
    unable = [one.name for one in chosen if one.render_in is not None and language not in one.languages]
    if unable:
        raise CommandError(f"the format {unable[0]} does not speak {language!r}")
    if all(one.render_in is None for one in chosen):
        return tuple(chosen)
    from secaudit.cli.month_changes import phrases
    from secaudit.cli.translations import phrasebook

    speech = Speech(language, phrasebook(language), phrases(language))
    return tuple(_speaking(one, speech) for one in chosen)


def _speaking(one: Format, speech: Speech) -> Format:
    speak = one.render_in
    return one if speak is None else replace(one, render=lambda report: speak(report, speech))


def write(report: RunReport, chosen: Sequence[Format], directory: Path) -> tuple[Path, ...]:
    """Write the report in each format below `directory` (made if need be); a file appears whole or not at all."""
    return tuple(path for wanted in chosen for path in write_files({wanted.filename: wanted.render(report)}, directory))


def write_files(contents: Mapping[str, bytes], directory: Path) -> tuple[Path, ...]:
    """Write files below `directory` (made if need be); each appears whole or not at all. Raises CommandError.

    They are for their owner alone, as the store is: what is in them is how hosts can be attacked.
    """
    paths = []
    try:
        _make_private(directory)
        for name, content in contents.items():
            path = directory / name
            _write_private(path, content)
            paths.append(path)
    except OSError as error:
        raise CommandError(f"cannot write to {directory}: {error.strerror or error}", Exit.INCOMPLETE) from None
    return tuple(paths)


def _make_private(directory: Path) -> None:
    """Make a folder and those above it for their owner alone; one that is there keeps its mode."""
    for missing in reversed([one for one in (directory, *directory.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    directory.mkdir(exist_ok=True)  # says what is wrong where it is no folder


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    try:
        # A draft that was left by a process that was killed has a mode of its own, and may be a link to elsewhere.
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - mode from the first moment on
            out.write(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def summary(report: RunReport) -> str:
    """What a person wants to know at once: the worst findings, what is unproven and why, which hosts are missing."""
    failed = sorted(
        (result for result in report.results if result.outcome is Outcome.FAILED and result.waiver is None),
        key=lambda result: (-result.severity.rank, result.host, result.control, result.subject),
    )
    alike: dict[tuple[Severity, str, str], list[Result]] = {}
    for result in failed:
        alike.setdefault((result.severity, result.host, result.control), []).append(result)
    lines = [_findings(results) for results in list(alike.values())[:SHOWN_FINDINGS]]
    hidden = sum(len(results) for results in list(alike.values())[SHOWN_FINDINGS:])
    if hidden:
        lines.append(f"… and {hidden} more findings")
    if lines:
        lines.append("")
    lines += _incomplete(report)
    lines += _unproven(report)
    counts = report.summary
    worst = ", ".join(f"{count} {severity.value}" for severity, count in counts.failed.items() if count)
    lines.append(
        f"{counted(len(report.hosts), 'host')}: {len(failed)} failed{f' ({worst})' if worst else ''}, "
        f"{counts.unproven} unproven, {counts.passed} passed, {counts.not_applicable} not applicable"
        + (f", {counts.waived} waived" if counts.waived else "")
    )
    return "\n".join(lines)


def _findings(results: Sequence[Result]) -> str:
    """One line for what failed alike on one host."""
    first = results[0]
    head = visible_line(f"{first.severity.value.upper():<8} {first.host}  {first.control}")
    subjects = [visible_line(result.subject) for result in results]
    if len(results) == 1:
        subject = f" {subjects[0]}" if subjects[0] else ""
        return f"{head}{subject}: {visible_line(first.reason or first.title)}"
    more = ", …" if len(subjects) > SHOWN_SUBJECTS else ""
    return f"{head} ({len(results)}): {', '.join(subjects[:SHOWN_SUBJECTS])}{more}"


def _incomplete(report: RunReport) -> list[str]:
    lines = [
        visible_line(f"{host.host} is {host.status.value}: {host.detail}")
        for host in report.hosts
        if host.status is not Reach.COMPLETE
    ]
    if report.run.finished is None:
        lines.append(f"The run was interrupted; go on with the same command and --resume {report.run.id}")
    return lines


def _unproven(report: RunReport) -> list[str]:
    kinds = Counter(
        result.kind.value.replace("_", " ")
        for result in report.results
        if result.outcome is Outcome.UNPROVEN and result.kind is not None
    )
    if not kinds:
        return []
    reasons = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return [f"Not proven, so not passed: {reasons}."]
