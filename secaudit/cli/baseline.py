"""`secaudit baseline`: list, show, validate and compare baselines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secaudit.cli.columns import aligned
from secaudit.cli.exits import Exit
from secaudit.cli.options import plugins_option
from secaudit.model.counted import counted
from secaudit.model.safe_text import visible, visible_line

if TYPE_CHECKING:
    from secaudit.model.baseline import Baseline, Control, Location


@click.group()
def command() -> None:
    """List, show, validate and compare baselines."""


@command.command("list", short_help="List the baselines that have a name.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_(as_json: bool) -> int:
    """List the baselines that can be named without a path."""
    from secaudit.config.baseline import BaselineLibrary

    library = BaselineLibrary()
    files = [library.find(name).file for name in library.names()]
    if as_json:
        listed = [
            {"baseline": file.baseline, "version": file.version, "title": file.title, "extends": file.extends}
            for file in files
        ]
        click.echo(json.dumps(listed, indent=2))
        return Exit.FINE
    header = ("BASELINE", "VERSION", "EXTENDS", "TITLE")
    rows = [(file.baseline, str(file.version), ", ".join(file.extends), file.title) for file in files]
    for line in aligned([header, *rows]):
        click.echo(line)
    return Exit.FINE


@command.command(short_help="Show controls and the line that set each value.")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@plugins_option
def show(names: tuple[str, ...], as_json: bool, plugins: tuple[Path, ...]) -> int:
    """Show every control that NAMEs (or paths) define together, and which line set each value."""
    baseline = _resolve(names, plugins)
    if as_json:
        click.echo(json.dumps(_plain(baseline), indent=2))
        return Exit.FINE
    for control in baseline.controls.values():
        click.echo(visible_line(f"{control.id}  ({control.severity.value}, set at {control.location})"))
        for line in aligned([(path, text, _place(control, path)) for path, text in _settings(control)], "    "):
            click.echo(line)
        if control.broken:
            click.echo(visible(f"    cannot be decided: {control.broken}"))
    files = ", ".join(f"{stamp.name} version {stamp.version}" for stamp in baseline.stamps)
    click.echo(f"{counted(len(baseline.controls), 'control')} from {files}")
    return Exit.FINE


@command.command(short_help="Check baseline files with all they extend.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@plugins_option
def validate(files: tuple[str, ...], plugins: tuple[Path, ...]) -> int:
    """Merge each FILE (or shipped name) with all it extends, and check every expectation."""
    from secaudit.config.errors import ConfigError, Problem

    problems: list[Problem] = []
    for file in files:
        try:
            baseline = _resolve((file,), plugins)
        except ConfigError as error:
            problems += error.problems
        else:
            click.echo(visible_line(f"{file}: {counted(len(baseline.controls), 'control')}, no problem found"))
    if problems:
        raise ConfigError(problems)
    return Exit.FINE


@command.command(short_help="Show what B demands otherwise than A.")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@plugins_option
def diff(old: str, new: str, plugins: tuple[Path, ...]) -> int:
    """Show what B demands otherwise than A: controls that come and go, and every value that differs."""
    before, after = (_resolve((name,), plugins).controls for name in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            click.echo(f"- {name}")
        elif name not in before:
            click.echo(visible_line(f"+ {name}  ({after[name].severity.value}, set at {after[name].location})"))
        else:
            _show_changes(before[name], after[name])
    return Exit.FINE


def _show_changes(before: Control, after: Control) -> None:
    ours, theirs = dict(_settings(before)), dict(_settings(after))
    rows = [
        (
            path,
            f"{ours.get(path, _NOT_SET)} → {theirs.get(path, _NOT_SET)}",
            _place(after, path) if path in theirs else "",
        )
        for path in dict.fromkeys((*ours, *theirs))
        if ours.get(path) != theirs.get(path)
    ]
    if rows:
        click.echo(f"~ {after.id}")
    for line in aligned(rows, "    "):
        click.echo(line)


_NOT_SET = "not set"


def _resolve(names: tuple[str, ...], plugins: tuple[Path, ...]) -> Baseline:
    from secaudit.config.baseline import BaselineLibrary
    from secaudit.plugins import discover

    registry = discover(plugins)
    return BaselineLibrary().resolve(names, registry.checks, registry.broken)


def _settings(control: Control) -> Iterator[tuple[str, str]]:
    """Dotted path and text of everything that makes up a control, defaults included."""
    yield "check", control.check
    yield "severity", control.severity.value
    if control.expect is not None:
        yield from _leaves("expect", control.expect.model_dump(by_alias=True))
    if control.remediation:
        yield "remediation", control.remediation.strip()
    for standard, clauses in control.references.items():
        yield f"references.{standard}", _text(clauses)


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif value is not None:
        yield path, _text(value)


def _text(value: object) -> str:
    """A value as the baseline's author would write it."""
    from secaudit.api import show_duration

    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case timedelta():
            return show_duration(value)
        case set() | frozenset():
            return f"[{', '.join(sorted(map(_text, value)))}]"
        case list() | tuple():
            return f"[{', '.join(map(_text, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{key}: {_text(inner)}' for key, inner in value.items())}}}"
        case _:
            return str(value)


def _place(control: Control, path: str) -> str:
    """Where a value was set: at its own path, or at one above it when the check read more into what stands there."""
    location = _location(control, path)
    return str(location) if location else "default"


def _location(control: Control, path: str) -> Location | None:
    while path:
        if path in control.provenance:
            return control.provenance[path]
        path = path.rpartition(".")[0]
    return None


def _plain(baseline: Baseline) -> dict[str, Any]:
    return {
        "baselines": [
            {"name": stamp.name, "version": stamp.version, "sha256": stamp.sha256} for stamp in baseline.stamps
        ],
        "controls": [
            {
                "id": control.id,
                "check": control.check,
                "severity": control.severity.value,
                "expect": None if control.expect is None else control.expect.model_dump(mode="json", by_alias=True),
                "remediation": control.remediation,
                "references": {standard: list(clauses) for standard, clauses in control.references.items()},
                "location": str(control.location),
                "provenance": {path: str(location) for path, location in control.provenance.items()},
                "broken": control.broken,
            }
            for control in baseline.controls.values()
        ],
    }
