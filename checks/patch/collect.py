"""Requests and reference data of this family, and how they become facts."""

from __future__ import annotations

from pathlib import Path

from secaudit.api import Answers, AnswerStatus, Unproven, UnprovenKind, collector, reference

from ..host.facts import Mounts, OsRelease, Packages
from .exposure import Exposures, expose
from .facts import (
    AutomaticUpdates,
    DeployedReleases,
    HeldPackages,
    KernelUnpacked,
    LastAutomaticRun,
    LivePatches,
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
from .front_end import front_end
from .languages import LanguagePackages, language_requests, read_language_packages
from .manifest import read_deployed, version_files
from .readers import apk, dnf, pacman, zypper
from .readers.apt import LISTS, SIMULATION, read_lists, read_simulation, simulated
from .readers.images import DOCKER_CONTAINERS, DOCKER_IMAGES, STORE, STORED, ContainerImages, read_container_images
from .readers.livepatch import CANONICAL, LOADED, read_live_patches
from .readers.reboot import FLAG, FLAG_PACKAGES, UNPACKED, read_flag, read_flag_packages, read_unpacked
from .readers.repo_files import DNF_FILES, ZYPPER_FILES
from .readers.running import GROUPS, MAPS, NAMESPACES, read_running_code
from .readers.sources import (
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
from .readers.timers import DNF_CONF, STAMPS, TIMERS, read_automatic, read_last_timer
from .statements import Statements
from .support_dates import SUPPORT_DATES

_MANAGED = (Packages, OsRelease)


@collector(
    PendingUpdates, (SIMULATION, dnf.PENDING, dnf.INSTALLED, zypper.PATCHES, apk.NEWER, pacman.NEWER), uses=_MANAGED
)
def pending_updates(answers: Answers) -> PendingUpdates:
    """What the package manager of the host would update."""
    match front_end(answers.facts):
        case "apt":
            return read_simulation(simulated(answers))
        case "dnf":
            packages = answers.facts[Packages]
            return dnf.read_advisories(answers.ended(dnf.PENDING), answers.ended(dnf.INSTALLED), packages)
        case "zypper":
            return zypper.read_patches(answers.ended(zypper.PATCHES))
        case "apk":
            return apk.read_newer(answers.ended(apk.NEWER))
        case "pacman":
            return pacman.read_newer(answers.ended(pacman.NEWER, exits=(0, 1)))


@collector(PackageLists, (LISTS, dnf.METADATA, zypper.METADATA, apk.INDEXES, pacman.DATABASES), uses=_MANAGED)
def package_lists(answers: Answers) -> PackageLists:
    """How old the package lists are."""
    match front_end(answers.facts):
        case "apt":
            return read_lists(answers.ended(LISTS))
        case "dnf":
            return dnf.read_metadata(answers.ended(dnf.METADATA))
        case "zypper":
            return zypper.read_metadata(answers.ended(zypper.METADATA))
        case "apk":
            return apk.read_indexes(answers.ended(apk.INDEXES))
        case "pacman":
            return pacman.read_databases(answers.ended(pacman.DATABASES))


@collector(RebootFlag, (FLAG, FLAG_PACKAGES))
def reboot_flag(answers: Answers) -> RebootFlag:
    """Whether a package asked for a reboot; which ones did is told when the host tells it."""
    named = answers[FLAG_PACKAGES]
    told = named.status is AnswerStatus.ENDED and named.exit == 0
    return read_flag(answers.ended(FLAG, quiet=True), read_flag_packages(named) if told else ())


@collector(KernelUnpacked, (UNPACKED,))
def kernel_unpacked(answers: Answers) -> KernelUnpacked:
    """When kernel packages were unpacked."""
    return read_unpacked(answers.ended(UNPACKED))


@collector(HeldPackages, (HOLDS, dnf.LOCKS, DNF_FILES, zypper.LOCKS, apk.WORLD, pacman.SETTINGS), uses=_MANAGED)
def held_packages(answers: Answers) -> HeldPackages:
    """What the package manager leaves out of upgrades."""
    match front_end(answers.facts):
        case "apt":
            return read_holds(answers.ended(HOLDS, quiet=True))
        case "dnf":
            return dnf.read_locks(answers)
        case "zypper":
            return zypper.read_locks(answers)
        case "apk":
            return apk.read_pins(answers.ended(apk.WORLD, quiet=True))
        case "pacman":
            return pacman.read_ignored(answers.ended(pacman.SETTINGS, quiet=True))


@collector(
    Repositories,
    (ARCHIVES, OVERRIDES, APT_TRUST, DNF_FILES, ZYPPER_FILES, apk.REPOSITORIES, pacman.SETTINGS),
    uses=_MANAGED,
)
def repositories(answers: Answers) -> Repositories:
    """Where the package manager takes packages from."""
    match front_end(answers.facts):
        case "apt":
            return read_repositories(answers)
        case "dnf":
            return dnf.read_repositories(answers)
        case "zypper":
            return zypper.read_repositories(answers)
        case "apk":
            return apk.read_repositories(answers.ended(apk.REPOSITORIES, quiet=True))
        case "pacman":
            return pacman.read_repositories(answers.ended(pacman.SETTINGS, quiet=True))


@collector(AutomaticUpdates, (APT_PERIODIC, APT_TIMER, TIMERS, DNF_CONF, apk.JOBS), uses=_MANAGED)
def automatic_updates(answers: Answers) -> AutomaticUpdates:
    """Whether updates install themselves."""
    match front_end(answers.facts):
        case "apt":
            return read_automatic_updates(answers)
        case "dnf" | "zypper" as program:
            return read_automatic(answers, program)
        case "apk":
            return apk.read_jobs(answers)
        case "pacman":
            reason = "pacman brings no program that installs updates, and what else may do so cannot be told"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason)


@collector(LastAutomaticRun, (APT_RUNS, STAMPS), uses=_MANAGED)
def last_automatic_run(answers: Answers) -> LastAutomaticRun:
    """When they last did."""
    match front_end(answers.facts):
        case "apt":
            return read_last_run(answers.ended(APT_RUNS))
        case "dnf" | "zypper" as program:
            return read_last_timer(answers.ended(STAMPS), program)
        case "apk" | "pacman" as other:
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"runs of jobs that upgrade with {other} leave no trace")


@collector(LanguagePackages, language_requests, uses=(Mounts,))
def language_packages(answers: Answers) -> LanguagePackages:
    """Packages of Python and Node.js outside of the distribution's own."""
    return read_language_packages(answers)


@collector(ContainerImages, (DOCKER_IMAGES, DOCKER_CONTAINERS, STORE, STORED))
def container_images(answers: Answers) -> ContainerImages:
    """Images of containers, and which containers use them."""
    return read_container_images(answers)


@collector(LivePatches, (LOADED, CANONICAL))
def live_patches(answers: Answers) -> LivePatches:
    """Whether the running kernel was repaired while it ran."""
    return read_live_patches(answers)


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


@reference(Advisories, limit="feed_max_age")
def advisories(directory: Path) -> AdvisorySource:
    """The imported advisories, by release."""
    return AdvisorySource(directory)


@reference(KnownExploited, limit="catalogue_max_age")
def known_exploited(directory: Path) -> ExploitedSource:
    """CISA's catalogue of known exploited vulnerabilities."""
    return ExploitedSource(directory)


@reference(ExploitScores, limit="feed_max_age")
def exploit_scores(directory: Path) -> ScoreSource:
    """The scores of EPSS."""
    return ScoreSource(directory)


@collector(Exposures, uses=(Packages, Advisories, Statements))
def exposures(answers: Answers) -> Exposures:
    """The installed packages against the advisories about their release, and what is stated about their flaws."""
    return expose(answers.facts[Packages], answers.facts[Advisories], answers.facts[Statements])
