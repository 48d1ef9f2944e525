"""Holding the installed packages of a host against the advisories about its release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from secaudit.api import Evidence

from ..host.facts import Package, Packages
from .feeds.lookup import ASK_ANEW, Advisories, Flaw, Standing
from .feeds.releases import distribution_of
from .statements import Statement, Statements, newest
from .versions import InvalidVersion

_KERNEL_IMAGE = re.compile(r"linux-image-(?:unsigned-)?[0-9][a-z0-9.+~-]*", re.ASCII)
_DEBUG = ("-dbg", "-dbgsym")
# Parts of the kernel that hold no code that runs: headers and documentation are built from the same source.
_RPM_KERNEL_IDLE = re.compile(r"kernel(?:-[a-z0-9]+)*-(?:headers|devel|doc|abi-stablelists|srpm-macros)|kernel-headers")
# Only a host that is enrolled in Ubuntu Pro can have installed such a version.
_PRO_VERSION = re.compile(r"[+~]esm\d")


@dataclass(frozen=True, slots=True)
class Exposed:
    """A source package of which at least one installed version has a flaw.

    `packages` are the installed binary packages, as the package manager takes them; `installed` their versions.
    `fixable` flaws are repaired by a version that this host can install, `unfixed` ones are not. `stated` is what
    people state about each of them, by its name, when they do so about every one of the packages.
    """

    source: str
    packages: tuple[str, ...]
    installed: tuple[str, ...]
    fixable: tuple[Flaw, ...]
    unfixed: tuple[Flaw, ...]
    stated: tuple[tuple[str, tuple[Statement, ...]], ...] = ()

    def cleared(self, now: datetime) -> frozenset[str]:
        """The flaws that do no harm at `now` (aware UTC), by what is stated about them."""
        return frozenset(name for name, stated in self.stated if all(one.clears(now) for one in stated))

    def clears(self, flaw: Flaw, now: datetime) -> bool:
        """Whether a flaw does no harm: it is stated of the flaw itself, or of everything that it repairs."""
        cleared = self.cleared(now) if self.stated else frozenset()
        return flaw.id in cleared or (bool(flaw.cves) and cleared.issuperset(flaw.cves))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A source package about which nothing can be said, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exposures:
    """The advisories that concern a host.

    `installed` counts its packages, `covered` those that any advisory about the release is about: a feed that knows
    hardly any of them is of another release, or not whole.
    """

    manager: str
    advisories: Advisories
    exposed: tuple[Exposed, ...]
    doubts: tuple[Doubt, ...]
    installed: int
    covered: int
    evidence: Evidence


def expose(packages: Packages, advisories: Advisories, statements: Statements | None = None) -> Exposures:
    """Look every installed package up, and what people state about the flaws that it has."""
    release, remembered = advisories.release, advisories.remembered
    installed = packages.packages
    by_source = distribution_of(release).by_source
    found: list[tuple[Package, Standing]] = []
    unrepaired = frozenset() if by_source else advisories.unrepaired
    unknown = 0
    # Two lookups for each package and nothing else: this is what fleets with thousands of packages cost.
    for it in installed:
        hit = remembered[it.source][it.source_version] if by_source else remembered[it.name][it.version]
        if hit:
            exact = advisories.standing_of(it.name, it.version, it.stream) if it.stream and hit is not ASK_ANEW else hit
            if exact:
                found.append((it, exact))
        elif hit is False and it.source not in unrepaired:
            unknown += 1
    kernels = _source_kernels if by_source else _kernels
    exposed: dict[str, list[tuple[Package, Standing]]] = {}
    doubts: dict[str, str] = {}
    hits = [(it.source, it, hit) for it, hit in found if hit is not ASK_ANEW]
    newest_kernels = list(kernels([it for it, hit in found if hit is ASK_ANEW], release))
    asked = ((name, it, advisories.standing(name, version)) for name, version, it in newest_kernels)
    # Where feeds name binary packages a finding is about their source all the same: one upgrade settles all of them.
    hits += [(name if by_source else it.source or name, it, known) for name, it, known in asked if known is not None]
    if unrepaired:
        hits += _of_sources(installed, {it for _, _, it in newest_kernels}, advisories)
    for source, it, standing in hits:
        if standing.doubt:
            doubts.setdefault(source, standing.doubt)
        if standing.flaws:
            exposed.setdefault(source, []).append((it, standing))
    subscribed = release.startswith("ubuntu:") and any(_PRO_VERSION.search(it.version) for it in installed)
    return Exposures(
        manager=packages.manager,
        advisories=advisories,
        exposed=tuple(_told(exposed, subscribed, statements) if statements else _plain(exposed, subscribed)),
        doubts=tuple(Doubt(source, reason) for source, reason in sorted(doubts.items())),
        installed=len(installed),
        covered=len(installed) - unknown,
        evidence=packages.evidence,
    )


def _of_sources(
    packages: Iterable[Package], kernels: AbstractSet[Package], advisories: Advisories
) -> Iterator[tuple[str, Package, Standing]]:
    """What rpm feeds say of source packages: that nothing repairs them yet, which is about all that is built of them.

    Of kernels that is the newest of each, as elsewhere.
    """
    for it in packages:
        if it.source in advisories.unrepaired and (it in kernels or not it.source.startswith("kernel")):
            flaws = advisories.of_source(it.source, it.version, it.stream)
            if flaws:
                yield it.source, it, Standing(flaws)


def _plain(exposed: Mapping[str, list[tuple[Package, Standing]]], subscribed: bool) -> Iterator[Exposed]:
    return (_exposed(source, affected, subscribed) for source, affected in sorted(exposed.items()))


def _told(
    exposed: Mapping[str, list[tuple[Package, Standing]]], subscribed: bool, statements: Statements
) -> Iterator[Exposed]:
    for one in _plain(exposed, subscribed):
        yield _stated(one, exposed[one.source], statements)


def _exposed(source: str, affected: list[tuple[Package, Standing]], subscribed: bool) -> Exposed:
    if len(affected) == 1:
        package, standing = affected[0]
        return Exposed(source, (package.name,), (package.version,), *standing.split(subscribed))
    standings = dict.fromkeys(standing for _, standing in affected)
    if len(standings) == 1:
        fixable, unfixed = affected[0][1].split(subscribed)
    else:
        flaws = tuple(dict.fromkeys(flaw for standing in standings for flaw in standing.flaws))
        fixable, unfixed = Standing(flaws).split(subscribed)
    packages = tuple(dict.fromkeys(package.name for package, _ in affected))
    return Exposed(source, packages, tuple(dict.fromkeys(package.version for package, _ in affected)), fixable, unfixed)


def _stated(exposed: Exposed, affected: list[tuple[Package, Standing]], statements: Statements) -> Exposed:
    told = [statements.about(package) for package, _ in affected]
    if not any(told):
        return exposed
    flaws = (*exposed.fixable, *exposed.unfixed)
    names = dict.fromkeys(name for flaw in flaws for name in (flaw.id, *flaw.cves))
    stated = []
    for name in names:
        each = [newest(about, name) for about in told]
        known = [one for one in each if one is not None]
        if known and len(known) == len(each):
            stated.append((name, tuple(dict.fromkeys(known))))
    return replace(exposed, stated=tuple(stated))


def _source_kernels(packages: Iterable[Package], release: str) -> Iterator[tuple[str, str, Package]]:
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


def _kernels(packages: Iterable[Package], release: str) -> Iterator[tuple[str, str, Package]]:
    """Binary name and version of the packages of kernels, which are installed side by side: the newest of each."""
    kernels: dict[str, list[Package]] = {}
    for package in packages:
        if not _RPM_KERNEL_IDLE.fullmatch(package.name):
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
