"""Facts and recordings that the tests of the patch family start from. The host's clock is right unless said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from secaudit.checks.host.facts import HostClock, Kernel, Package, Packages

from secaudit.api import Evidence, Facts, Now
from tests.checks.judging import AT, facts

RECORDED = Path(__file__).parent / "recorded"
NOW = Now(AT)
NOWHERE = Evidence("test", 0, None, "")


def recorded(name: str) -> bytes:
    """The bytes of a recording."""
    return (RECORDED / name).read_bytes()


def clock(skew: timedelta = timedelta()) -> HostClock:
    """A clock that is ahead of the scanner's by `skew`."""
    return HostClock(AT + skew, skew, timedelta(seconds=1), NOWHERE)


def packages(*named: tuple[str, str], manager: str = "dpkg", sources: dict[str, str] | None = None) -> Packages:
    """Packages by name and version; the source is called like the package unless `sources` says otherwise."""
    return Packages(
        manager,
        tuple(
            Package(
                name,
                version,
                "amd64" if manager == "dpkg" else "x86_64",
                (sources or {}).get(name, name),
                version,
            )
            for name, version in named
        ),
        NOWHERE,
    )


def managed_by(manager: str) -> Facts:
    """The facts that collectors need to know the package manager."""
    return facts(packages(("base", "1-1"), manager=manager))


def kernel(release: str, version: str = "#1 SMP") -> Kernel:
    """A running kernel."""
    return Kernel(release, version, "x86_64", NOWHERE)
