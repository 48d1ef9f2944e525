"""Releases of distributions: how feeds and hosts name them, and how their package versions are ordered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from secaudit.api import Platform

from ..versions import apk_key, dpkg_key, pep440_key, rpm_key, semver_key


class Distribution(NamedTuple):
    """How packages of a distribution are matched: `by_source` where its feeds name source packages."""

    key: Callable[[str], bytes]
    by_source: bool


DISTRIBUTIONS: Mapping[str, Distribution] = {
    "debian": Distribution(dpkg_key, True),
    "ubuntu": Distribution(dpkg_key, True),
    "alpine": Distribution(apk_key, True),
    "almalinux": Distribution(rpm_key, False),
    "rocky": Distribution(rpm_key, False),
    "rhel": Distribution(rpm_key, False),
    "pypi": Distribution(pep440_key, False),
    "npm": Distribution(semver_key, False),
}

DEBIAN_CODENAMES: Mapping[str, str] = {
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
}

# https://ossf.github.io/osv-schema/, section "Defined ecosystems"; Ubuntu puts its subscriptions before the release.
_ECOSYSTEMS = (
    # Packages of a language have no release: theirs is called `pypi:` and `npm:`.
    (re.compile(r"PyPI(?P<version>)"), "pypi"),
    (re.compile(r"npm(?P<version>)"), "npm"),
    (re.compile(r"Debian:(?P<version>\d+)"), "debian"),
    (
        re.compile(r"Ubuntu:(?:(?P<channel>Pro|Pro:[A-Za-z-]+|[A-Z]{4}[A-Za-z-]*):)?(?P<version>\d+\.\d+)(?::LTS)?"),
        "ubuntu",
    ),
    (re.compile(r"Alpine:v(?P<version>\d+\.\d+)"), "alpine"),
    (re.compile(r"AlmaLinux:(?P<version>\d+)"), "almalinux"),
    (re.compile(r"Rocky Linux:(?P<version>\d+)"), "rocky"),
    (re.compile(r"Red Hat:enterprise_linux:(?P<version>\d+)(?:\.\d+)?(?:::[a-z_]+)?"), "rhel"),
)


@lru_cache(maxsize=1024)
def release_of_ecosystem(ecosystem: str) -> tuple[str, str] | None:
    """The release (`debian:12`) and channel of an OSV ecosystem; None for one whose packages hosts do not have."""
    for pattern, distribution in _ECOSYSTEMS:
        found = pattern.fullmatch(ecosystem)
        if found is not None:
            channel = found.groupdict().get("channel") or ""
            return f"{distribution}:{found['version']}", channel.lower()
    return None


def release_of_platform(platform: Platform) -> str | None:
    """The release whose advisories speak about hosts of `platform`; None when no feed format of ours has any."""
    parts = platform.os_version.split(".")
    if platform.os_id not in DISTRIBUTIONS or not parts[0]:
        return None
    minor = platform.os_id in ("ubuntu", "alpine")
    return f"{platform.os_id}:{'.'.join(parts[:2] if minor else parts[:1])}"


def distribution_of(release: str) -> Distribution:
    """How packages of a release are matched."""
    return DISTRIBUTIONS[release.partition(":")[0]]
