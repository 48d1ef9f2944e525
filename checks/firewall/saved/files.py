"""The files from which a host loads its packet filter at the next start, and which of them a service loads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from secaudit.api import MIB, Answers, Command, Evidence, Unproven, UnprovenKind, collector

NFTABLES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")
NFTABLES_FOLDERS = ("/etc/nftables.d", "/etc/nftables")
_PATHS = (
    *NFTABLES,
    *NFTABLES_FOLDERS,
    "/etc/iptables",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
    "/etc/ufw",
    "/etc/default/ufw",
)
_ABSENT = "No such file or directory"
FILES = Command(("/usr/bin/grep", "-r", "-a", "-H", "-n", "^", *_PATHS), root=True, limit=32 * MIB, remarks=(_ABSENT,))
UNITS = ("nftables", "netfilter-persistent", "iptables", "ip6tables", "ufw", "firewalld")
LOADERS = Command(("systemctl", "show", "--property=Id,UnitFileState", *(f"{name}.service" for name in UNITS)))

_LINE = re.compile(r"(/etc/[^:\n]+):(\d+):(.*)")


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """The lines of every file that could hold rules, by path, and the services that load them at the next start."""

    files: Mapping[str, tuple[str, ...]]
    enabled: frozenset[str]
    evidence: tuple[Evidence, ...]

    def text(self, path: str) -> str | None:
        """A file as one text; None when it does not exist or is empty."""
        lines = self.files.get(path)
        return None if lines is None else "\n".join((*lines, ""))

    def matching(self, pattern: str) -> list[str]:
        """The files that a pattern of include statements names, in alphabetical order, which is glob(3)'s."""
        folder = pattern.rpartition("/")[0]
        return sorted(path for path in self.files if path.rpartition("/")[0] == folder and fnmatchcase(path, pattern))


@collector(SavedFiles, (FILES, LOADERS))
def saved_files(answers: Answers) -> SavedFiles:
    """Raises `Unproven` when files or services could not be read."""
    # grep ends with 1 when no file has a line, and with 2 as soon as one of the paths does not exist.
    answer = answers.ended(FILES, exits=(0, 1, 2))
    complaints = [line for line in answer.stderr.decode("utf-8", "replace").splitlines() if not line.endswith(_ABSENT)]
    if complaints:
        reason = f"`{FILES.key}`: {complaints[0]}"
        raise Unproven(UnprovenKind.ERROR, reason, (answer.evidence(),))
    files: dict[str, list[str]] = {}
    for line in answer.text.split("\n"):
        found = _LINE.fullmatch(line.removesuffix("\r"))
        if found is None:
            if line:
                reason = f"`{FILES.key}` printed a line without a file and number"
                raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))
            continue
        files.setdefault(found[1], []).append(found[3])
        if len(files[found[1]]) != int(found[2]):
            reason = f"`{FILES.key}` left out a line of {found[1]}"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))
    states = answers.ended(LOADERS)
    enabled = frozenset(
        name for block in states.text.split("\n\n") for name in UNITS if _enabled(block.splitlines(), name)
    )
    return SavedFiles(
        {path: tuple(lines) for path, lines in files.items()}, enabled, (answer.evidence(), states.evidence())
    )


def _enabled(block: list[str], name: str) -> bool:
    return f"Id={name}.service" in block and any(
        line in ("UnitFileState=enabled", "UnitFileState=enabled-runtime") for line in block
    )
