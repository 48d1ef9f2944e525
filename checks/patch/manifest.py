"""What was shipped to the customer, and reading what of it is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, field_validator

from secaudit.api import KIB, Answers, Command, Duration, Evidence, Expect, Unproven, UnprovenKind

from .facts import DeployedRelease, DeployedReleases
from .stamps import LONGEST_LINE, at_line

_LINES = 2_000


class ShippedRelease(BaseModel):
    """A version of an application that was shipped, and where its host says which version it runs.

    `pattern` is a regular expression that has to match a whole line of `file`; its first group is the version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    application: str = Field(min_length=1)
    version: str
    shipped: date
    security: bool = False
    file: str
    pattern: str = r"\s*v?(\S+)\s*"

    @field_validator("version")
    @classmethod
    def _is_version(cls, version: str) -> str:
        try:
            Version(version)
        except InvalidVersion:
            raise ValueError(f"{version!r} is not a version; write for example 4.2.1 or 4.3rc1 (PEP 440)") from None
        return version

    @field_validator("file")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if not PurePosixPath(path).is_absolute() or not path.isprintable():
            raise ValueError(f"{path!r} is not an absolute path")
        return path

    @field_validator("pattern")
    @classmethod
    def _has_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        if groups < 1:
            raise ValueError(f"{pattern!r} has no group that would be the version")
        return pattern


class ReleaseManifest(Expect):
    """Every application with its newest shipped version, and how long the deployment may take."""

    releases: tuple[ShippedRelease, ...] = Field(min_length=1)
    max_age: Duration = Field(default=timedelta(days=30), ge=timedelta())
    security_max_age: Duration = Field(default=timedelta(days=7), ge=timedelta())

    @field_validator("releases")
    @classmethod
    def _once_each(cls, releases: tuple[ShippedRelease, ...]) -> tuple[ShippedRelease, ...]:
        names = [release.application for release in releases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one release of {', '.join(twice)}; name the newest one")
        return releases


def version_files(wanted: Sequence[Expect]) -> Iterable[Command]:
    """A question for every file that a manifest names."""
    return [_cat(release) for release in _releases(wanted)]


def read_deployed(answers: Answers) -> DeployedReleases:
    """The version in each file, or why there is none."""
    found: dict[tuple[str, str], DeployedRelease | Unproven] = {}
    for release in _releases(answers.wanted):
        try:
            found[release.file, release.pattern] = _read(release, answers)
        except Unproven as trouble:
            found[release.file, release.pattern] = trouble
    return DeployedReleases(found)


def deployed(releases: Mapping[tuple[str, str], DeployedRelease | Unproven], wanted: ShippedRelease) -> DeployedRelease:
    """What is deployed of a shipped release. Raises `Unproven` when that is not known."""
    found = releases[wanted.file, wanted.pattern]
    if isinstance(found, Unproven):
        raise found
    return found


def _releases(wanted: Sequence[Expect]) -> list[ShippedRelease]:
    return [release for expect in wanted if isinstance(expect, ReleaseManifest) for release in expect.releases]


def _cat(release: ShippedRelease) -> Command:
    return Command(("cat", release.file), limit=256 * KIB)


def _read(release: ShippedRelease, answers: Answers) -> DeployedRelease:
    answer = answers.ended(_cat(release))
    evidence: Evidence | None = None
    for number, line in enumerate(answer.lines[:_LINES], 1):
        found = re.fullmatch(release.pattern, line) if len(line) <= LONGEST_LINE else None
        if found is None or not found[1]:
            continue
        evidence = at_line(answer, number, line)
        try:
            return DeployedRelease(str(Version(found[1])), evidence)
        except InvalidVersion:
            break
    reason = f"{release.file} names no version" if evidence is None else f"{release.file} names what is no version"
    raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (evidence or answer.evidence(),))
