"""Waivers from YAML: a list per customer, in a file that is called after it. See `docs/waivers.md`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from secaudit.config.errors import ConfigError, Problem
from secaudit.config.paths import yaml_files
from secaudit.config.source import Located, Node, read_yaml
from secaudit.config.validation import validate
from secaudit.config.waivers_file import WaiverFile
from secaudit.model.waiver import WaiverGrant


def load_waivers(path: Path) -> tuple[WaiverGrant, ...]:
    """Read a waiver file, or every one of a directory, in file order.

    Whether a waiver is in force, too long or too broad is not a question of its form and is judged later. Raises
    ConfigError with the problems of all files.
    """
    problems: list[Problem] = []
    grants: list[WaiverGrant] = []
    for file in yaml_files(path):
        try:
            grants += _load(file, problems)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tuple(grants)


def _load(path: Path, problems: list[Problem]) -> Iterator[WaiverGrant]:
    root = read_yaml(path).root
    if not isinstance(root.value, list):
        raise ConfigError.at(root.location, "expected a list of waivers", "begin each entry with '- '")
    for entry in root.value:
        try:
            yield _grant(entry, path.stem)
        except ConfigError as error:
            problems += error.problems


def _grant(entry: Node, customer: str) -> WaiverGrant:
    file = validate(WaiverFile, Located.of(entry))
    if file.start is not None and file.start >= file.expires:
        end, begin = (f"{moment:%Y-%m-%d %H:%M} UTC" for moment in (file.expires, file.start))
        raise ConfigError.at(entry.location, f"the waiver expires at {end}, before it starts at {begin}")
    return WaiverGrant(
        customer=file.customer or customer,
        control=file.control,
        owner=file.owner,
        reason=file.reason,
        expires=file.expires,
        location=entry.location,
        host=file.host,
        tag=file.tag or "",
        subject=file.subject,
        approver=file.approver or "",
        compensation=file.compensation or "",
        start=file.start,
        while_passed=tuple(file.while_passed),
    )
