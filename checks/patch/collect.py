"""Requests and reference data of this family, and how they become facts."""

from __future__ import annotations

from pathlib import Path

from secaudit.api import Answers, AnswerStatus, Unproven, UnprovenKind, collector, reference

from ..host.facts import Packages
from .apt import LISTS, SIMULATION, read_lists, read_simulation, simulated
from .dnf import INSTALLED, METADATA, PENDING, read_advisories, read_metadata
from .exposure import Exposures, expose
from .facts import (
    AutomaticUpdates,
    DeployedReleases,
    HeldPackages,
    KernelUnpacked,
    LastAutomaticRun,
    PackageLists,
    PendingUpdates,
    RebootFlag,
    Repositories,
    RunningCode,
    SupportDates,
)
from .feeds.lookup import (
    Advisories,
    AdvisorySource,
    ExploitedSource,
    ExploitScores,
    KnownExploited,
    ScoreSource,
)
from .manifest import read_deployed, version_files
from .reboot import FLAG, FLAG_PACKAGES, UNPACKED, read_flag, read_flag_packages, read_unpacked
from .running import GROUPS, MAPS, NAMESPACES, read_running_code
from .sources import (
    APT_PERIODIC,
    APT_RUNS,
    APT_TIMER,
    APT_TRUST,
    ARCHIVES,
    HOLDS,
    OVERRIDES,
    read_automatic_updates,
    read_holds,
    read_last_run,
    read_repositories,
)
from .support_dates import SUPPORT_DATES


@collector(PendingUpdates, (SIMULATION, PENDING, INSTALLED), uses=(Packages,))
def pending_updates(answers: Answers) -> PendingUpdates:
    """What the package manager of the host would update."""
    packages = answers.facts[Packages]
    if packages.manager == "dpkg":
        return read_simulation(simulated(answers))
    if packages.manager == "rpm":
        return read_advisories(answers.ended(PENDING), answers.ended(INSTALLED), packages)
    raise _no_reader(packages.manager)


@collector(PackageLists, (LISTS, METADATA), uses=(Packages,))
def package_lists(answers: Answers) -> PackageLists:
    """How old the package lists are."""
    manager = answers.facts[Packages].manager
    if manager == "dpkg":
        return read_lists(answers.ended(LISTS))
    if manager == "rpm":
        return read_metadata(answers.ended(METADATA))
    raise _no_reader(manager)


@collector(RebootFlag, (FLAG, FLAG_PACKAGES))
def reboot_flag(answers: Answers) -> RebootFlag:
    """Whether a package asked for a reboot; which ones did is told when the host tells it."""
    named = answers[FLAG_PACKAGES]
    told = named.status is AnswerStatus.ENDED and named.exit == 0
    return read_flag(answers.ended(FLAG), read_flag_packages(named) if told else ())


@collector(KernelUnpacked, (UNPACKED,))
def kernel_unpacked(answers: Answers) -> KernelUnpacked:
    """When kernel packages were unpacked."""
    return read_unpacked(answers.ended(UNPACKED))


@collector(HeldPackages, (HOLDS,), uses=(Packages,))
def held_packages(answers: Answers) -> HeldPackages:
    """What apt leaves out of upgrades."""
    _apt_only(answers, "held packages")
    return read_holds(answers.ended(HOLDS))


@collector(Repositories, (ARCHIVES, OVERRIDES, APT_TRUST), uses=(Packages,))
def repositories(answers: Answers) -> Repositories:
    """Where apt takes packages from."""
    _apt_only(answers, "repositories")
    return read_repositories(answers)


@collector(AutomaticUpdates, (APT_PERIODIC, APT_TIMER), uses=(Packages,))
def automatic_updates(answers: Answers) -> AutomaticUpdates:
    """Whether apt installs updates by itself."""
    _apt_only(answers, "automatic updates")
    return read_automatic_updates(answers)


@collector(LastAutomaticRun, (APT_RUNS,))
def last_automatic_run(answers: Answers) -> LastAutomaticRun:
    """When it last did."""
    return read_last_run(answers.ended(APT_RUNS))


@collector(RunningCode, (MAPS, GROUPS, NAMESPACES))
def running_code(answers: Answers) -> RunningCode:
    """Which processes run code that was replaced."""
    return read_running_code(answers)


@collector(DeployedReleases, version_files)
def deployed_releases(answers: Answers) -> DeployedReleases:
    """Which versions of the manifest's applications are deployed."""
    return read_deployed(answers)


@collector(SupportDates)
def support_dates(_: Answers) -> SupportDates:
    """The table that ships with this family."""
    return SUPPORT_DATES


@reference(Advisories)
def advisories(directory: Path) -> AdvisorySource:
    """The imported advisories, by release."""
    return AdvisorySource(directory)


@reference(KnownExploited)
def known_exploited(directory: Path) -> ExploitedSource:
    """CISA's catalogue of known exploited vulnerabilities."""
    return ExploitedSource(directory)


@reference(ExploitScores)
def exploit_scores(directory: Path) -> ScoreSource:
    """The scores of EPSS."""
    return ScoreSource(directory)


@collector(Exposures, uses=(Packages, Advisories))
def exposures(answers: Answers) -> Exposures:
    """The installed packages against the advisories about their release."""
    return expose(answers.facts[Packages], answers.facts[Advisories])


def _apt_only(answers: Answers, what: str) -> None:
    manager = answers.facts[Packages].manager
    if manager != "dpkg":
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"{what} of {manager} cannot be read")


def _no_reader(manager: str) -> Unproven:
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, f"pending updates of {manager} cannot be read")
