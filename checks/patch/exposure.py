"""Holding the installed packages of a host against the advisories about its release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secaudit.api import Evidence

from ..host.facts import Package, Packages
from .feeds.lookup import Advisories, Flaw
from .feeds.releases import distribution_of
from .versions import InvalidVersion

_KERNEL_IMAGE = re.compile(r"linux-image-(?:unsigned-)?[0-9][a-z0-9.+~-]*", re.ASCII)
_DEBUG = ("-dbg", "-dbgsym")
# Parts of the kernel that hold no code that runs: headers and documentation are built from the same source.
_RPM_KERNEL_IDLE = re.compile(r"kernel(?:-[a-z0-9]+)*-(?:headers|devel|doc|abi-stablelists|srpm-macros)|kernel-headers")
_RPM_KERNEL = re.compile(r"kernel(?:-.*)?")
# Only a host that is enrolled in Ubuntu Pro can have installed such a version.
_PRO_VERSION = re.compile(r"[+~]esm\d")


@dataclass(frozen=True, slots=True)
class Exposed:
    """A source package of which at least one installed version has a flaw.

    `packages` are the installed binary packages, as the package manager takes them; `installed` their versions.
    `fixable` flaws are repaired by a version that this host can install, `unfixed` ones are not.
    """

    source: str
    packages: tuple[str, ...]
    installed: tuple[str, ...]
    fixable: tuple[Flaw, ...]
    unfixed: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A source package about which nothing can be said, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exposures:
    """The advisories that concern a host.

    `installed` counts its packages (sources where advisories name these), `covered` those that any advisory about the
    release is about: a feed that knows hardly any of them is of another release, or not whole.
    """

    manager: str
    advisories: Advisories
    exposed: tuple[Exposed, ...]
    doubts: tuple[Doubt, ...]
    installed: int
    covered: int
    evidence: Evidence


def expose(packages: Packages, advisories: Advisories) -> Exposures:
    """Look every installed package up."""
    by_source = distribution_of(advisories.release).by_source
    wanted = (
        _by_source(packages.packages, advisories.release)
        if by_source
        else _by_name(packages.packages, advisories.release)
    )
    names = advisories.names
    subscribed = any(_PRO_VERSION.search(package.version) for package in packages.packages)
    exposed: dict[str, list[tuple[Package, tuple[Flaw, ...]]]] = {}
    doubts: dict[str, str] = {}
    all_names: set[str] = set()
    for name, version, package in wanted:
        all_names.add(name)
        if name not in names:
            continue
        standing = advisories.standing(name, version)
        if standing.doubt:
            doubts.setdefault(name if by_source else package.source, standing.doubt)
        if standing.flaws:
            exposed.setdefault(name if by_source else package.source, []).append((package, standing.flaws))
    return Exposures(
        manager=packages.manager,
        advisories=advisories,
        exposed=tuple(_exposed(source, found, subscribed) for source, found in sorted(exposed.items())),
        doubts=tuple(Doubt(source, reason) for source, reason in sorted(doubts.items())),
        installed=len(all_names),
        covered=len(all_names & names),
        evidence=packages.evidence,
    )


def _exposed(source: str, found: Iterable[tuple[Package, tuple[Flaw, ...]]], subscribed: bool) -> Exposed:
    packages: dict[str, None] = {}
    installed: dict[str, None] = {}
    flaws: dict[Flaw, None] = {}
    for package, its_flaws in found:
        packages[package.name] = None
        installed[package.version] = None
        flaws.update(dict.fromkeys(its_flaws))
    fixable: list[Flaw] = []
    others: list[Flaw] = []
    for flaw in flaws:
        (fixable if flaw.fixed and _open_to(flaw.channel, subscribed) else others).append(flaw)
    repaired = {cve for flaw in fixable for cve in flaw.cves}
    unfixed = tuple(flaw for flaw in others if not flaw.cves or not repaired.issuperset(flaw.cves))
    return Exposed(source, tuple(packages), tuple(installed), tuple(fixable), unfixed)


def _open_to(channel: str, subscribed: bool) -> bool:
    return not channel or (channel.startswith("pro") and subscribed)


def _by_source(packages: Iterable[Package], release: str) -> Iterator[tuple[str, str, Package]]:
    """Source name, source version. Of kernels only the newest image counts: the others do not run after a reboot.

    Whether the newest one runs is another check's question. Headers and tools of the kernel hold none of its flaws.
    """
    kernels: dict[str, list[Package]] = {}
    others = []
    for package in packages:
        if _KERNEL_IMAGE.fullmatch(package.name) and not package.name.endswith(_DEBUG):
            kernels.setdefault(_kernel_source(package.source, release), []).append(package)
        else:
            others.append(package)
    for package in others:
        name = package.source or package.name
        if name not in kernels and name != "linux" and not name.startswith(("linux-signed", "linux-meta")):
            yield name, package.source_version or package.version, package
    for name, images in kernels.items():
        for image in _newest(images, release):
            yield name, image.version, image


def _kernel_source(source: str, release: str) -> str:
    """Signed images are a source of their own, after the one that was signed; advisories name the latter."""
    if release.startswith("debian:"):
        return "linux" if source.startswith("linux-signed") else source
    return source.replace("linux-signed", "linux", 1)


def _by_name(packages: Iterable[Package], release: str) -> Iterator[tuple[str, str, Package]]:
    """Binary name and version; of kernels, which are installed side by side, the newest only."""
    kernels: dict[str, list[Package]] = {}
    for package in packages:
        if not _RPM_KERNEL.fullmatch(package.name):
            yield package.name, package.version, package
        elif not _RPM_KERNEL_IDLE.fullmatch(package.name):
            kernels.setdefault(package.name, []).append(package)
    for name, installed in kernels.items():
        for package in _newest(installed, release):
            yield name, package.version, package


def _newest(packages: list[Package], release: str) -> list[Package]:
    """The newest of them; all when one has a version that cannot be ordered, which is told when it is looked up."""
    key = distribution_of(release).key
    try:
        return [max(packages, key=lambda package: key(package.version))]
    except InvalidVersion:
        return packages
