"""What may be asked of a host: fixed commands run on it, and probes run against it by the scanner."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass, field
from datetime import timedelta

KIB = 1024
MIB = 1024 * KIB
LARGEST_LIMIT = 64 * MIB
"""No request may ask for more output than this; stores and bundles refuse to expand more."""


def _require_bounded(limit: int) -> None:
    if limit > LARGEST_LIMIT:
        raise ValueError(f"an output limit of {limit} bytes is more than the {LARGEST_LIMIT} that can be kept")


UNNAMEABLE = ' \\"'
"""Characters, beside those that cannot be printed, that no argument of a rule in a sudoers file names exactly.

sudo compares arguments as one text joined by blanks. With a blank in it, `A=cat FILE` as one argument would allow the
two arguments `A=cat` and `FILE` as well, and env(1) would run FILE. The other way round cannot be refused: two
arguments may always be passed as one. So a root command must do no harm either when neighbours are joined: no argument
may be one that a program looks for in the PATH or the present folder once the one before it is gone.
"""

_LAUNCHERS = frozenset({"/usr/bin/env", "/bin/env"})


def _require_nameable(argv: tuple[str, ...]) -> None:
    """Refuse what a rule of sudoers(5) would allow more with than this one argv."""
    program = argv[0]
    if posixpath.normpath(program) != program or program.startswith("//"):
        raise ValueError(f"a root command needs the absolute path of one program, without a final '/': {program!r}")
    if program in _LAUNCHERS:
        raise ValueError("a root command cannot begin with env: by joined arguments it runs what it finds in the PATH")
    if any(not argument for argument in argv):
        raise ValueError(f"a root command cannot hold an empty argument: {argv!r}")
    if any(not argument.isprintable() or set(UNNAMEABLE) & set(argument) for argument in argv):
        raise ValueError(
            f"a root command cannot hold blanks, double quotes, backslashes or control characters: {argv!r}"
        )


@dataclass(frozen=True, slots=True)
class Command:
    """A fixed argv that a plugin may run on a host.

    `argv` never contains shell syntax: every element is passed as one argument. A command with `root` runs through
    `sudo -n` unless the session is root already, needs an absolute `argv[0]` and ends up in the generated sudoers
    file. `timeout` and `limit` (bytes of stdout) are upper bounds that the transport enforces. `refusals` are texts
    that this command prints on stderr when it was denied although it ran (matched case-sensitively as substrings,
    on stderr only). `remarks` are texts that it prints there beside an answer that stands all the same.

    Raises ValueError for an argv that no transport could run safely.
    """

    argv: tuple[str, ...]
    root: bool = False
    timeout: timedelta = field(default=timedelta(seconds=30), compare=False)
    limit: int = field(default=4 * MIB, compare=False)
    refusals: tuple[str, ...] = field(default=(), compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)
    is_recorded: bool = field(default=False, compare=False, repr=False)
    """Read back from a transcript, never to be run: it may be of a version that allowed more in root commands."""

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError("a command needs a program name")
        if any("\0" in argument or "\n" in argument for argument in self.argv):
            raise ValueError(f"a command argument holds NUL or a newline: {self.argv!r}")
        if self.argv[0].startswith("-") or "=" in self.argv[0]:
            raise ValueError(f"{self.argv[0]!r} is not a program name")
        if self.root and not self.argv[0].startswith("/"):
            raise ValueError(f"a root command needs an absolute path: {self.argv[0]!r}")
        if self.root and not self.is_recorded:
            _require_nameable(self.argv)

    @property
    def key(self) -> str:
        """Identity of the question, and the `source` that evidence names: the argv as a person would type it."""
        return ("sudo " if self.root else "") + shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class PortScan:
    """A TCP or UDP port scan of the host's address, run by the scanner with nmap.

    `ports` is nmap's port list, for example `1-65535` or `22,80,443`. `timeout` bounds the scan of this host.
    """

    protocol: str = "tcp"
    ports: str = "1-65535"
    timeout: timedelta = field(default=timedelta(minutes=5), compare=False)
    limit: int = field(default=32 * MIB, compare=False)

    def __post_init__(self) -> None:
        if self.protocol not in ("tcp", "udp"):
            raise ValueError(f"no such protocol to scan: {self.protocol!r}")
        if not self.ports or set(self.ports) - set("0123456789,-"):
            raise ValueError(f"not a port list: {self.ports!r}")
        _require_bounded(self.limit)

    @property
    def key(self) -> str:
        """Identity of the question, and the `source` that evidence names."""
        return f"port scan {self.protocol} {self.ports}"


Request = Command | PortScan
"""Anything that a collector may ask for."""
