"""What was shipped to the customer, and reading what of it is deployed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from secaudit.api import KIB, Answer, Answers, Command, Duration, Evidence, Expect, Unproven, UnprovenKind, attempt

from .facts import DeployedRelease, DeployedReleases
from .readers.lines import LONGEST_LINE, at_line, match_line

_LINES = 2_000
_LARGEST = 256 * KIB


# How programs are asked for their version. Anything else could do something, and an audit changes nothing.
_VERSION_WORDS = frozenset({"--version", "-version", "-V", "-v", "version"})
_INTERPRETER = re.compile(r"(?:java|node|php[0-9.]*|python[0-9.]*|ruby|perl|dotnet)", re.ASCII)
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/+@-]+", re.ASCII)
_JSON_PATH = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z0-9._~:/?&=%+,@;\[\]-]+", re.ASCII)

# curl(1): no file of settings, no proxy, no redirect, and whatever the address names, only this machine is asked.
_CURL = (
    *("curl", "--disable", "--silent", "--show-error", "--fail", "--globoff", "--noproxy", "*"),
    *("--connect-to", "::localhost:", "--max-redirs", "0", "--proto", "=http,https"),
    *("--max-time", "10", "--max-filesize", str(_LARGEST)),
)


class ShippedRelease(BaseModel):
    """A version of an application that was shipped, and where its host says which version it runs.

    One of `file`, `command` and `http` is given. `pattern` is a regular expression that has to match a whole line of
    the answer; its first group is the version. `json` is the way to it in a JSON answer instead, as in `app.version`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    application: str = Field(min_length=1)
    version: str
    shipped: date
    security: bool = False
    file: str | None = None
    command: tuple[str, ...] | None = None
    http: str | None = None
    pattern: str = r"\s*v?(\S+)\s*"
    json_path: str | None = Field(default=None, alias="json")

    @property
    def question(self) -> Command:
        """What the host is asked, without root."""
        if self.command is not None:
            return Command(self.command, limit=_LARGEST)
        if self.http is not None:
            return Command((*_CURL, self.http), limit=_LARGEST)
        return Command(("cat", f"{self.file}"), limit=_LARGEST)

    @property
    def place(self) -> str:
        """Where the version stands, for people."""
        return self.http or self.file or shlex.join(self.command or ())

    @property
    def key(self) -> tuple[str, str]:
        """The question and how its answer is read."""
        return self.question.key, f"json {self.json_path}" if self.json_path else self.pattern

    @model_validator(mode="after")
    def _has_one_place(self) -> ShippedRelease:
        given = [name for name in ("file", "command", "http") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{' and '.join(given) or 'nothing'} given; name one of file, command and http")
        return self

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
    def _is_absolute(cls, path: str | None) -> str | None:
        if path is not None and (not PurePosixPath(path).is_absolute() or not path.isprintable()):
            raise ValueError(f"{path!r} is not an absolute path")
        return path

    @field_validator("command")
    @classmethod
    def _asks_for_the_version_only(cls, command: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if command is None:
            return None
        program, *middle, word = command if len(command) > 1 else (*command, "")
        if not _PLAIN_PATH.fullmatch(program):
            raise ValueError(f"{program!r} is not an absolute path of plain characters")
        if word not in _VERSION_WORDS:
            raise ValueError(f"the command ends in {word!r}, not in one of {', '.join(sorted(_VERSION_WORDS))}")
        scripts = middle[1:] if middle[:1] == ["-jar"] else middle
        runs = _INTERPRETER.fullmatch(PurePosixPath(program).name) and len(scripts) == 1
        if middle and not (runs and _PLAIN_PATH.fullmatch(scripts[0])):
            raise ValueError(
                "a command is PROGRAM --version, or an interpreter with the absolute path of one script in between"
            )
        return command

    @field_validator("http")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        if address is None:
            return None
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{address!r} is not an address: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError(f"{address!r} is not an http or https address")
        if parts.username is not None or not _ADDRESS.fullmatch(address):
            raise ValueError("an address has no user, no fragment and no blanks; other characters are written as %20")
        return address

    @field_validator("json_path")
    @classmethod
    def _is_json_path(cls, path: str | None) -> str | None:
        if path is not None and not _JSON_PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a way into JSON; write for example app.version or 0.version")
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
    """A question for every place that a manifest names."""
    return [release.question for release in _releases(wanted)]


def read_deployed(answers: Answers) -> DeployedReleases:
    """The version in each place, or why there is none."""
    return DeployedReleases({release.key: attempt(_read, release, answers) for release in _releases(answers.wanted)})


def deployed(releases: Mapping[tuple[str, str], DeployedRelease | Unproven], wanted: ShippedRelease) -> DeployedRelease:
    """What is deployed of a shipped release. Raises `Unproven` when that is not known."""
    found = releases[wanted.key]
    if isinstance(found, Unproven):
        raise found
    return found


def _releases(wanted: Sequence[Expect]) -> list[ShippedRelease]:
    return [release for expect in wanted if isinstance(expect, ReleaseManifest) for release in expect.releases]


def _read(release: ShippedRelease, answers: Answers) -> DeployedRelease:
    try:
        answer = answers.ended(release.question)
    except Unproven as trouble:
        # curl's command line is long, and says nothing that the address does not.
        reason = trouble.reason.replace(f"`{release.question.key}`", f"asking {release.place}") if release.http else ""
        raise Unproven(trouble.kind, reason or trouble.reason, trouble.evidence) from None
    found = _in_json(answer, release.json_path) if release.json_path else _in_lines(answer, release.pattern)
    if found is None:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"{release.place} names no version", (answer.evidence(),))
    text, evidence = found
    try:
        return DeployedRelease(str(Version(text)), evidence)
    except InvalidVersion:
        reason = f"{release.place} names what is no version"
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (evidence,)) from None


def _in_lines(answer: Answer, pattern: str) -> tuple[str, Evidence] | None:
    """What the first line that matches has in its first group."""
    compiled = re.compile(pattern)
    for number, line in enumerate(answer.lines[:_LINES], 1):
        found = match_line(compiled, line)
        if found is not None and found[1]:
            return found[1], at_line(answer, number, line)
    return None


def _in_json(answer: Answer, path: str) -> tuple[str, Evidence] | None:
    """The text at a place in a JSON document."""
    try:
        value = json.loads(answer.stdout)
        for step in path.split("."):
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return (value, answer.evidence()) if isinstance(value, str) and len(value) <= LONGEST_LINE else None
