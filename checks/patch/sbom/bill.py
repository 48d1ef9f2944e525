"""A host's installed packages as a bill of materials: CycloneDX 1.6 (ECMA-424), each package with its purl."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.impact_analysis import ImpactAnalysisResponse, ImpactAnalysisState
from cyclonedx.model.vulnerability import (
    BomTarget,
    Vulnerability,
    VulnerabilityAdvisory,
    VulnerabilityAnalysis,
    VulnerabilityRating,
    VulnerabilitySeverity,
)
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from secaudit.api import Severity
from secaudit.model.safe_text import visible_line

from ...host.facts import OsRelease, Package, Packages
from ..exposure import Exposed, Exposures
from ..feeds.lookup import Flaw

# https://github.com/package-url/purl-spec/blob/main/types-doc: the type that packages of a manager have.
_PURL_TYPES = {"dpkg": "deb", "rpm": "rpm", "apk": "apk", "pacman": "alpm"}
_NVD = "https://nvd.nist.gov/vuln/detail/"
_PROPERTY = "secaudit:"
_SEVERITIES = {
    Severity.CRITICAL: VulnerabilitySeverity.CRITICAL,
    Severity.HIGH: VulnerabilitySeverity.HIGH,
    Severity.MEDIUM: VulnerabilitySeverity.MEDIUM,
    Severity.LOW: VulnerabilitySeverity.LOW,
    Severity.INFO: VulnerabilitySeverity.INFO,
}
_SERIALS = uuid5(NAMESPACE_URL, "urn:secaudit:sbom")
"""Serial numbers are made from what they stand for, so that the same packages give the same file."""


@dataclass(frozen=True, slots=True)
class Inventoried:
    """What is installed on a host, named `label`. `at` is when it was asked, aware UTC.

    `exposures` are the advisories about it, None where they were not wanted.
    """

    label: str
    at: datetime
    os: OsRelease | None
    packages: Packages
    exposures: Exposures | None = None


def purl(package: Package, manager: str, os: OsRelease | None) -> PackageURL:
    """The purl of a package, with the distribution as namespace, and `distro`, `arch`, `epoch` and `upstream`.

    `upstream` (`name@version`) is the source package where it has another name or version; scanners match it.
    Raises ValueError for a manager whose packages have no purl type, and for a name that no purl can have.
    """
    if manager not in _PURL_TYPES:
        raise ValueError(f"packages of {manager} have no purl")
    version, epoch = package.version, ""
    if manager == "rpm" and ":" in version:
        epoch, _, version = version.partition(":")
    qualifiers = {
        "arch": package.architecture,
        "distro": f"{os.id}-{os.version}" if os and os.version else "",
        "epoch": epoch,
        "upstream": _upstream(package),
    }
    namespace = visible_line(os.id) if os and os.id else None
    shown = {key: visible_line(text) for key, text in qualifiers.items() if text}
    found = PackageURL(_PURL_TYPES[manager], namespace, visible_line(package.name), visible_line(version), shown)
    if not found.name or not found.name.strip("/"):
        raise ValueError(f"a package called {package.name!r} has no purl")
    return found


def _upstream(package: Package) -> str:
    if package.source in ("", package.name) and package.source_version in ("", package.version):
        return ""
    if package.source_version in ("", package.version):
        return package.source
    return f"{package.source or package.name}@{package.source_version}"


def bill_of_materials(host: Inventoried) -> Bom:
    """The bill of one host. The same packages, asked at the same moment, give an equal one with the same serial."""

    components = {
        component.bom_ref.value: component for component in (_component(it, host) for it in host.packages.packages)
    }
    named = "\n".join(sorted(ref for ref in components if ref is not None))
    feeds = host.exposures.advisories.parts if host.exposures else ()
    root = _system(host)
    bill = Bom(
        serial_number=uuid5(_SERIALS, f"{host.label}\n{host.at.isoformat()}\n{named}"),
        metadata=BomMetaData(
            timestamp=host.at,
            component=root,
            properties=[
                Property(name=f"{_PROPERTY}feed", value=f"{part.name}, of {part.at.isoformat()}, sha256:{part.sha256}")
                for part in feeds
            ],
        ),
        components=components.values(),
        vulnerabilities=_vulnerabilities(host.exposures, components.values(), host.at) if host.exposures else (),
    )
    bill.register_dependency(root, components.values())
    return bill


def _system(host: Inventoried) -> Component:

    system = (
        [
            Component(
                type=ComponentType.OPERATING_SYSTEM,
                name=visible_line(host.os.id),
                version=visible_line(host.os.version) or None,
                description=visible_line(host.os.name) or None,
                bom_ref="operating-system",
            )
        ]
        if host.os and host.os.id
        else []
    )
    return Component(type=ComponentType.DEVICE, name=visible_line(host.label), bom_ref="host", components=system)


def _component(package: Package, host: Inventoried) -> Component:

    try:
        found = purl(package, host.packages.manager, host.os)
    except ValueError:
        found = None
    source = {"source": package.source, "source-version": package.source_version}
    return Component(
        type=ComponentType.LIBRARY,
        name=visible_line(package.name),
        version=visible_line(package.version),
        purl=found,
        bom_ref=found.to_string() if found else visible_line(f"{package.name}@{package.version}"),
        properties=[Property(name=_PROPERTY + key, value=visible_line(text)) for key, text in source.items() if text],
    )


def _vulnerabilities(exposures: Exposures, components: Iterable[Component], at: datetime) -> list[Vulnerability]:
    """A vulnerability for each flaw, with the installed packages that have it."""
    by_name: dict[tuple[str, str | None], list[Component]] = {}
    for component in components:
        by_name.setdefault((component.name, component.version), []).append(component)
    affected: dict[str, tuple[Flaw, list[Exposed], bool]] = {}
    for exposed in exposures.exposed:
        for flaw in (*exposed.fixable, *exposed.unfixed):
            seen = affected.get(flaw.id)
            fixable = flaw in exposed.fixable or (seen is not None and seen[2])
            affected[flaw.id] = (flaw, [*(seen[1] if seen else ()), exposed], fixable)
    return [
        _vulnerability(
            flaw, [part for one in packages for part in _parts(one, by_name)], _analysis(flaw, packages, fixable, at)
        )
        for flaw, packages, fixable in affected.values()
    ]


def _parts(exposed: Exposed, by_name: dict[tuple[str, str | None], list[Component]]) -> list[Component]:
    return [
        component
        for name in exposed.packages
        for version in exposed.installed
        for component in by_name.get((name, version), ())
    ]


def _analysis(flaw: Flaw, packages: Sequence[Exposed], fixable: bool, at: datetime) -> VulnerabilityAnalysis:
    """What is known of the flaw's effect: what is stated about every package that has it, else nothing yet."""
    if all(one.clears(flaw, at) for one in packages):
        names = {flaw.id, *flaw.cves}
        told = dict.fromkeys(
            visible_line(statement.shown(at))
            for one in packages
            for name, statements in one.stated
            if name in names
            for statement in statements
        )
        return VulnerabilityAnalysis(state=ImpactAnalysisState.NOT_AFFECTED, detail="\n".join(told))
    # Nobody has looked whether the flawed code is reached; that the version has the flaw is all that is known.
    responses = [ImpactAnalysisResponse.UPDATE] if fixable else []
    return VulnerabilityAnalysis(state=ImpactAnalysisState.IN_TRIAGE, responses=responses)


def _vulnerability(flaw: Flaw, components: Sequence[Component], analysis: VulnerabilityAnalysis) -> Vulnerability:
    severity = VulnerabilitySeverity.UNKNOWN if flaw.severity is None else _SEVERITIES[flaw.severity]
    about = {"fixed-version": flaw.fixed, "state": flaw.state.value, "cves": " ".join(flaw.cves)}
    return Vulnerability(
        bom_ref=f"vulnerability:{flaw.id}",
        id=visible_line(flaw.id),
        ratings=[VulnerabilityRating(severity=severity)],
        published=flaw.published,
        advisories=[VulnerabilityAdvisory(url=XsUri(_NVD + cve), title=cve) for cve in flaw.cves],
        recommendation=f"Upgrade to {visible_line(flaw.fixed)}" if flaw.fixed else None,
        analysis=analysis,
        affects=[BomTarget(ref=ref) for ref in sorted({str(part.bom_ref.value) for part in components})],
        properties=[Property(name=_PROPERTY + key, value=visible_line(text)) for key, text in about.items() if text],
    )


def written(bom: Bom, *, xml: bool = False) -> str:
    """The bill as CycloneDX 1.6, JSON unless `xml`, with two spaces of indent and a newline at the end."""

    outputter = make_outputter(bom, OutputFormat.XML if xml else OutputFormat.JSON, SchemaVersion.V1_6)
    return outputter.output_as_string(indent=2).rstrip() + "\n"
