"""Facts about the patch level of a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from secaudit.api import Evidence, Unproven


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """An installed package for which the host knows a newer version.

    `security` says that the new version comes from a security archive or advisory; `origins` are the archives
    (`Debian-Security:12/oldstable-security`) or the advisory (`RHSA-2024:0811 Moderate`). `package` is named the way
    the package manager takes it on its command line.
    """

    package: str
    architecture: str
    installed: str
    fixed: str
    origins: tuple[str, ...]
    security: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A package with an update of which the package manager does not say whether it repairs a flaw, and why not."""

    package: str
    evidence: Evidence
    why: str = "An update is kept back"


@dataclass(frozen=True, slots=True)
class PendingUpdates:
    """What the package manager would update, by the package lists the host has.

    `manager` is `dpkg`, `rpm` (by dnf), `zypper` (whose `package` is the name of a patch), `apk` or `pacman`.
    """

    manager: str
    updates: tuple[PendingUpdate, ...]
    kept_back: tuple[KeptBack, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ListedArchive:
    """An archive that the host has the index of; `confirmed` is when the archive was last reached (host's clock)."""

    name: str
    confirmed: datetime
    evidence: Evidence

    @property
    def security(self) -> bool:
        """Whether it is a suite of security updates."""
        return "-security_" in self.name


@dataclass(frozen=True, slots=True)
class PackageLists:
    """The package lists that the host has; times are by the host's clock, aware UTC.

    `youngest` is the stamp of the youngest list. An apt list keeps the time of the server, so this is never later
    than the real refresh. `archives` is empty where the package manager keeps no proof per archive.
    """

    manager: str
    youngest: datetime
    archives: tuple[ListedArchive, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RebootFlag:
    """The flag file that packages set when they need a reboot: since when (host's clock), None when it is not set."""

    since: datetime | None
    packages: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class KernelUnpacked:
    """When each kernel package (dpkg) was last unpacked, by the host's clock."""

    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class HeldPackage:
    """A package that is left out of upgrades."""

    name: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HeldPackages:
    """All packages that are left out of upgrades. Evidence is the list as a whole."""

    manager: str
    packages: tuple[HeldPackage, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that packages come from, with what its Release file states; empty where it states nothing.

    Repositories of other systems than apt's state no origin (None); `release` is then what the host calls them:
    `baseos`, `v3.20/main`. `trusted` says that signatures are checked.
    """

    site: str
    release: str
    origin: str | None
    label: str
    trusted: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class TrustOverride:
    """A setting that switches the check of signatures off: where it stands, and what it says."""

    place: str
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Repositories:
    """Where packages come from."""

    archives: tuple[Archive, ...]
    overrides: tuple[TrustOverride, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class AutomaticUpdates:
    """What is missing for security updates to install themselves; nothing when they do."""

    missing: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class LastAutomaticRun:
    """When automatic updates last ran (host's clock, aware UTC)."""

    at: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LivePatch:
    """A patch of the running kernel that is in force."""

    name: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LivePatches:
    """The patches in force. `current` is whether the vendor's client says that they are the newest; None: nobody says.

    A host without live patching has none.
    """

    patches: tuple[LivePatch, ...]
    current: bool | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class OutdatedProcess:
    """A process that maps a library which is no longer on the disk; `unit` is its systemd service, or its like."""

    unit: str
    pid: int
    library: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RunningCode:
    """The processes with deleted libraries, one for each unit and library, and how many were looked at."""

    outdated: tuple[OutdatedProcess, ...]
    looked_at: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DeployedRelease:
    """The version (PEP 440) that a file on the host names."""

    version: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DeployedReleases:
    """Deployed versions by file and pattern, or why there is none."""

    found: Mapping[tuple[str, str], DeployedRelease | Unproven]


@dataclass(frozen=True, slots=True)
class ReleaseSupport:
    """How long a release of a distribution gets security updates; dates are the last day, inclusive.

    `extended_until` is a longer support under the name `extended_by`; `subscription` says that a host gets it only
    when it is enrolled.
    """

    distribution: str
    release: str
    until: date
    extended_until: date | None = None
    extended_by: str = ""
    subscription: bool = False


@dataclass(frozen=True, slots=True)
class NewestMinor:
    """The newest minor release of a major one, and the day it came out: from then on the earlier ones get nothing more.

    `final` says that the distribution announced it as the last one.
    """

    minor: int
    since: date
    final: bool = False


@dataclass(frozen=True, slots=True)
class SupportDates:
    """The reference table of support dates: when it was last reviewed, against which sources.

    `newest` are the newest minor releases by distribution and major release, as they were on `newest_on`.
    `extended_minors` is until when a subscription supports a superseded minor release (`9.4`).
    """

    reviewed: date
    sources: tuple[str, ...]
    releases: Mapping[tuple[str, str], ReleaseSupport]
    newest_on: date
    newest: Mapping[tuple[str, str], NewestMinor]
    extended_minors: Mapping[tuple[str, str], date]
