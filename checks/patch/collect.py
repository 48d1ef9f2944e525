"""Requests of this family and how their answers become facts."""

from __future__ import annotations

from secaudit.api import Answers, AnswerStatus, Unproven, UnprovenKind, collector

from ..host.facts import Packages
from .apt import LISTS, SIMULATION, read_lists, read_simulation, simulated
from .dnf import INSTALLED, METADATA, PENDING, read_advisories, read_metadata
from .facts import KernelUnpacked, PackageLists, PendingUpdates, RebootFlag, SupportDates
from .reboot import FLAG, FLAG_PACKAGES, UNPACKED, read_flag, read_flag_packages, read_unpacked
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


@collector(SupportDates)
def support_dates(_: Answers) -> SupportDates:
    """The table that ships with this family."""
    return SUPPORT_DATES


def _no_reader(manager: str) -> Unproven:
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, f"pending updates of {manager} cannot be read")
