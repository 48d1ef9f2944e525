"""What baselines declare about backups: where the copies are, and how old, how large and how complete they must be."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from secaudit.api import MIB, Command, Duration, Expect, Size
from secaudit.model.safe_text import visible_line

LISTING_FORMAT = "%d/%y/%T@/%s/"
"""Depth, type, modification time in seconds since 1970 and size; `-print0` then adds the path and the NUL after it.

Without a backslash or another character that means something in sudoers(5).
"""

_SHARED_FOLDERS = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 - refused, not used
_GLOB = frozenset("*?[]")
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:[^/@]*@")

T = TypeVar("T")


def _plain(text: str) -> str:
    if not text or text.startswith("-") or visible_line(text) != text:
        raise ValueError(f"{text!r} is empty, starts with '-' or holds control characters")
    return text


def _absolute(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) != path or path.startswith("//"):
        raise ValueError(f"{path!r} is not an absolute path without '..', '//' and a final '/'")
    return _plain(path)


def _file_pattern(path: str) -> str:
    folder, name = posixpath.split(_absolute(path))
    if _GLOB & set(folder) or "\\" in path:
        raise ValueError(f"{path!r}: only the file name may be a pattern (*, ?, [..]), and no backslash is taken")
    if not name:
        raise ValueError(f"{path!r} names no file; write for example /var/backups/shop/*.sql.gz")
    return path


def _repository(repository: str) -> str:
    if _PASSWORD_IN_URL.search(repository):
        raise ValueError("the address of a repository must not hold a password")
    return _plain(repository)


def _private(path: str) -> str:
    if path.startswith(_SHARED_FOLDERS):
        raise ValueError(f"{path!r} lies in a folder where everybody may write; write for example /run/secaudit-borg")
    return path


def _some(declared: Mapping[str, T]) -> Mapping[str, T]:
    if not declared:
        raise ValueError("declare at least one: a control without anything to look at could never fail")
    return declared


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
PrivatePath = Annotated[AbsolutePath, AfterValidator(_private)]
FilePattern = Annotated[str, AfterValidator(_file_pattern)]
Repository = Annotated[str, AfterValidator(_repository)]
Plain = Annotated[str, AfterValidator(_plain)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Age = Annotated[Duration, Field(gt=timedelta())]


class Dataset(Expect):
    """Files that a backup job writes into one folder."""

    path: FilePattern = Field(description="absolute path; the file name may be a pattern")
    max_age: Age
    min_size: Size = Field(default=1, ge=1, description="of the newest complete file")
    root: bool = Field(default=False, description="list as root, when the folder is not readable for others")

    @property
    def pattern(self) -> str:
        """The pattern of the file name."""
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        """The folder, without any pattern."""
        return posixpath.dirname(self.path)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        # Whatever cannot be named in a sudoers file is refused here, with its line, and not when hosts are asked.
        _ = self.listing
        return self

    @property
    def listing(self) -> Command:
        """The command that lists the folder itself and the matching files in it.

        No shell expands the pattern. `-H` follows the folder when it is a symbolic link; links inside are no files.
        find(1) has no action here that starts a program or writes, and every argument is fixed: as root it can do no
        more than this one listing.
        """
        return Command(
            (
                *("/usr/bin/find" if self.root else "find", "-H", self.folder, "-maxdepth", "1"),
                *("-path", self.folder, "-printf", LISTING_FORMAT, "-print0"),
                *("-o", "-type", "f", "-name", self.pattern, "-printf", LISTING_FORMAT, "-print0"),
            ),
            root=self.root,
            refusals=("Permission denied",),
        )


class FileFreshness(Expect):
    """Datasets by name."""

    datasets: Annotated[Mapping[Name, Dataset], AfterValidator(_some)]


class ResticRepository(Expect):
    """A restic repository, and what of it is looked at."""

    repository: Repository
    password_file: AbsolutePath = Field(description="read on the host by restic itself")
    max_age: Age
    host: Plain | None = Field(default=None, description="only snapshots of this host name")
    paths: tuple[AbsolutePath, ...] = Field(default=(), description="each must be part of a young snapshot")
    min_size: Size | None = Field(default=None, ge=1, description="of the newest snapshot; restic 0.17 or newer")
    root: bool = False
    program: AbsolutePath = "/usr/bin/restic"

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        # Whatever cannot be named in a sudoers file is refused here, with its line, and not when hosts are asked.
        _ = self.listing
        return self

    @property
    def listing(self) -> Command:
        """The command that lists all snapshots; without a lock and without a cache it writes nothing."""
        return Command(
            (
                *(self.program, "--no-lock", "--no-cache", "--json"),
                *("-r", self.repository, "--password-file", self.password_file, "snapshots"),
            ),
            root=self.root,
            timeout=timedelta(minutes=2),
            limit=16 * MIB,
            refusals=("permission denied",),
        )


class ResticFreshness(Expect):
    """restic repositories by name."""

    repositories: Annotated[Mapping[Name, ResticRepository], AfterValidator(_some)]


class BorgRepository(Expect):
    """A borg repository, and which of its archives are looked at."""

    repository: Repository
    passphrase_file: AbsolutePath | None = Field(default=None, description="read on the host by borg itself")
    max_age: Age
    archives: Plain = Field(default="*", description="pattern of archive names, for a repository that several share")
    min_files: int | None = Field(default=None, ge=1, description="in the newest archive; uses borg's local cache")
    base_dir: PrivatePath | None = Field(default=None, description="borg's BORG_BASE_DIR, else the home of the user")
    root: bool = False
    program: AbsolutePath = "/usr/bin/borg"

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        # Whatever cannot be named in a sudoers file is refused here, with its line, and not when hosts are asked.
        _ = self.listing, self.contents
        return self

    @property
    def listing(self) -> Command:
        """The command that lists all archives."""
        return self._borg("list", "--json", self.repository)

    @property
    def contents(self) -> Command | None:
        """The command that counts the files of the latest archives, when `min_files` is declared."""
        if self.min_files is None:
            return None
        return self._borg("info", "--json", "--last", "10", "--glob-archives", self.archives, self.repository)

    def _borg(self, *arguments: str) -> Command:
        # borg prints local time without a zone: UTC is set here too, whatever sudo keeps of the environment.
        environment = {"TZ": "UTC", "LC_ALL": "C", "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_SHOW_SYSINFO": "no"}
        if self.base_dir is not None:
            environment["BORG_BASE_DIR"] = self.base_dir
        argv = (self.program, "--bypass-lock", *arguments)
        return Command(
            self._as_root(environment, argv) if self.root else self._as_user(environment, argv),
            root=self.root,
            timeout=timedelta(minutes=2),
            limit=16 * MIB,
            refusals=("Permission denied",),
        )

    def _as_user(self, environment: dict[str, str], argv: tuple[str, ...]) -> tuple[str, ...]:
        if self.passphrase_file is not None:
            environment["BORG_PASSCOMMAND"] = f"cat {shlex.quote(self.passphrase_file)}"
        return ("/usr/bin/env", *(f"{name}={value}" for name, value in environment.items()), *argv)

    def _as_root(self, environment: dict[str, str], argv: tuple[str, ...]) -> tuple[str, ...]:
        """borg started by the Python that it is written in, with the open passphrase file as its standard input.

        A rule of sudoers can name that exactly: the last argument holds everything and has no blank, so neither split
        nor joined arguments run anything else (see `secaudit.model.request.UNNAMEABLE`).
        """
        opened = ""
        if self.passphrase_file is not None:
            environment["BORG_PASSPHRASE_FD"] = "0"  # noqa: S105 - the number of a file, not a passphrase
            opened = f"o.dup2(o.open({self.passphrase_file!r},0),0);"
        settings = ",".join(f"{name}={value!r}" for name, value in environment.items())
        listed = ",".join(map(repr, argv))
        code = f"o=__import__('os');o.environ.update({settings});{opened}o.execv({self.program!r},[{listed}])"
        return ("/usr/bin/python3", "-I", "-c", code)


class BorgFreshness(Expect):
    """borg repositories by name."""

    repositories: Annotated[Mapping[Name, BorgRepository], AfterValidator(_some)]
