"""Where packages come from."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from pydantic import Field

from secaudit.api import Evidence, Expect, Facts, Severity, Verdict, check, failed, passed
from secaudit.model.safe_text import visible_line

from ..facts import Archive, Repositories
from ..references import SOURCES

_DISTRIBUTIONS = frozenset({"Debian", "Debian Backports", "Ubuntu"})
# What the distributions themselves call their repositories, where those state no origin.
_REPOSITORIES = frozenset(
    {
        *("baseos", "appstream", "extras", "crb", "powertools", "fedora", "updates", "rhel-*-rpms", "amazonlinux"),
        *("repo-oss", "repo-non-oss", "repo-update*", "repo-sle-update", "repo-backports-update", "repo-openh264"),
        *("SLE-*", "openSUSE:*", "openSUSE-*", "v[0-9]*/main", "v[0-9]*/community", "core", "extra", "multilib"),
    }
)


class TrustedSources(Expect):
    """Which archives may provide packages."""

    origins: frozenset[str] = Field(
        default=_DISTRIBUTIONS, min_length=1, description="origins that archives may state in their Release file"
    )
    repositories: frozenset[str] = Field(
        default=_REPOSITORIES,
        description="names (with * and ?) of repositories that state no origin: those of dnf, zypper, apk and pacman",
    )
    sites: frozenset[str] = Field(default=frozenset(), description="host names whose archives may have any origin")


@check(
    "patch.repositories",
    title="Packages come from signed and known archives only",
    severity=Severity.HIGH,
    requires=[Repositories],
    expect=TrustedSources,
    remediation="Remove the source (/etc/apt/sources.list.d/, /etc/yum.repos.d/, /etc/zypp/repos.d/, "
    "/etc/apk/repositories or /etc/pacman.conf) and its packages, or sign it and allow it by name.",
    references=SOURCES,
)
def repositories(facts: Facts, expect: TrustedSources) -> Iterator[Verdict]:
    """Every archive that the host takes packages from proves who made it, and is one of those that are allowed.

    An archive whose signature nobody checks lets whoever sits on the network install what he likes, as root.
    """
    known = facts[Repositories]
    expected = f"signed archives of {', '.join(sorted(expect.origins | expect.sites))}"
    troubles: dict[str, tuple[list[str], list[Evidence]]] = {}
    for archive in known.archives:
        site = urlsplit(archive.site).hostname or archive.site
        name = visible_line(f"{archive.site} {archive.release}")
        if not archive.trusted:
            _note(troubles, name, "its signature is not checked", archive.evidence)
        if not _allowed(archive, expect) and site not in expect.sites:
            origin = "none that is stated" if archive.origin is None else visible_line(archive.origin) or "none"
            _note(troubles, name, f"it is of another origin ({origin})", archive.evidence)
    for override in known.overrides:
        _note(troubles, override.place, f"checking signatures is switched off ({override.text})", override.evidence)
    for subject, (reasons, evidence) in troubles.items():
        yield failed(
            subject,
            reason=f"Packages come from a source that is not trustworthy: {', '.join(dict.fromkeys(reasons))}.",
            observed=", ".join(dict.fromkeys(reasons)),
            expected=expected,
            evidence=dict.fromkeys(evidence),
        )
    if not troubles:
        shown = sorted({f"{archive.origin or archive.site} ({archive.release})" for archive in known.archives})
        yield passed(observed=visible_line(", ".join(shown)), expected=expected, evidence=[known.evidence])


def _allowed(archive: Archive, expect: TrustedSources) -> bool:
    if archive.origin is not None:
        return archive.origin in expect.origins
    return any(fnmatchcase(archive.release, pattern) for pattern in expect.repositories)


def _note(troubles: dict[str, tuple[list[str], list[Evidence]]], subject: str, reason: str, where: Evidence) -> None:
    reasons, evidence = troubles.setdefault(subject, ([], []))
    reasons.append(reason)
    evidence.append(where)
