"""The running kernel against the installed ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from secaudit.api import Unproven

from ..host.facts import Kernel, Package, Packages
from .facts import KernelUnpacked
from .versions import InvalidVersion, apk_key, dpkg_key, pacman_key, rpm_key

# Images have the kernel's release in their name; `linux-image-amd64` only depends on the newest.
_DPKG_IMAGE = re.compile(
    r"(?:linux-image-(?:unsigned-)?|proxmox-kernel-|pve-kernel-)(?P<release>[0-9][a-z0-9.+~-]*?)(?:-signed)?", re.ASCII
)
_DEBUG = ("-dbg", "-dbgsym")
_RPM_IMAGE = re.compile(r"kernel(?:-(?:rt|64k|uek|lt|ml|default))?(?:-core)?", re.ASCII)
# Debian puts the package's version into what `uname -v` prints: `#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (…)`.
# One package for each flavour, replaced in place: `6.6.56-0-lts` runs linux-lts 6.6.56-r0; `6.11.5-arch1-1`,
# `6.11.5-zen1-1-zen` and `6.6.58-1-lts` run linux 6.11.5.arch1-1, linux-zen 6.11.5.zen1-1 and linux-lts 6.6.58-1.
_APK_RUNNING = re.compile(r"(?P<version>[0-9.]+(?:_rc[0-9]+)?)-(?P<revision>[0-9]+)-(?P<flavour>[a-z0-9]+)", re.ASCII)
_PACMAN_RUNNING = re.compile(
    r"(?P<version>[0-9.]+)(?:-(?P<patches>[a-z]+[0-9]+))?-(?P<release>[0-9.]+)(?:-(?P<flavour>[a-z]+))?", re.ASCII
)
_BUILT_AS = re.compile(r"\bDebian (?P<version>[0-9][A-Za-z0-9.+~:-]*)", re.ASCII)


class KernelState(Enum):
    """How the running kernel stands to the installed ones."""

    CURRENT = auto()
    OUTDATED = auto()
    NONE_INSTALLED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class KernelStanding:
    """The state, the version that runs (as far as it is known) and the newest installed image; `reason` for UNKNOWN."""

    state: KernelState
    running: str
    newest: Package | None = None
    reason: str = ""


def kernel_standing(kernel: Kernel, packages: Packages) -> KernelStanding:
    """Compare by package version, in the package manager's order.

    UNKNOWN when the running kernel does not come from a known installed package and does not tell its version, when a
    version cannot be ordered, and for package managers that are not known.
    """
    readers = {
        "dpkg": (_dpkg_images, _dpkg_running, dpkg_key),
        "rpm": (_rpm_images, _rpm_running, rpm_key),
    }
    if packages.manager in ("apk", "pacman"):
        return _of_a_flavour(kernel, packages)
    if packages.manager not in readers:
        reason = f"kernels installed by {packages.manager} cannot be compared"
        return KernelStanding(KernelState.UNKNOWN, kernel.release, reason=reason)
    images_of, running_of, key = readers[packages.manager]
    images = images_of(packages.packages)
    if not images and not any(kernel.release in package.name for package in packages.packages):
        return KernelStanding(KernelState.NONE_INSTALLED, kernel.release)
    running = running_of(kernel, images) if images else None
    if running is None:
        reason = f"the running kernel {kernel.release} does not come from a known installed package"
        return KernelStanding(KernelState.UNKNOWN, kernel.release, reason=reason)
    return _compare(running, images, key)


def _compare(running: str, images: tuple[Package, ...], key: Callable[[str], bytes]) -> KernelStanding:
    try:
        newest = max(images, key=lambda image: key(image.version))
        outdated = key(running) < key(newest.version)
    except InvalidVersion as error:
        return KernelStanding(KernelState.UNKNOWN, running, reason=str(error))
    return KernelStanding(KernelState.OUTDATED if outdated else KernelState.CURRENT, running, newest)


def _of_a_flavour(kernel: Kernel, packages: Packages) -> KernelStanding:
    """A kernel whose package has the name of its flavour, and is replaced when it is upgraded."""
    is_apk = packages.manager == "apk"
    found = (_APK_RUNNING if is_apk else _PACMAN_RUNNING).fullmatch(kernel.release)
    named = f"linux-{found['flavour']}" if found and found["flavour"] else "linux"
    images = tuple(package for package in packages.packages if package.name == named)
    if found is None or not images:
        if any(re.fullmatch(r"linux(?:-(?:lts|virt|zen|hardened|rt))?", one.name) for one in packages.packages):
            reason = f"the running kernel {kernel.release} does not come from a known installed package"
            return KernelStanding(KernelState.UNKNOWN, kernel.release, reason=reason)
        return KernelStanding(KernelState.NONE_INSTALLED, kernel.release)
    if is_apk:
        return _compare(f"{found['version']}-r{found['revision']}", images, apk_key)
    patches = f".{found['patches']}" if found["patches"] else ""
    return _compare(f"{found['version']}{patches}-{found['release']}", images, pacman_key)


def _dpkg_images(packages: Iterable[Package]) -> tuple[Package, ...]:
    return tuple(
        package for package in packages if _DPKG_IMAGE.fullmatch(package.name) and not package.name.endswith(_DEBUG)
    )


def _dpkg_running(kernel: Kernel, images: Iterable[Package]) -> str | None:
    """The version that was booted. A package of the same release may have been updated in place since then."""
    built = _BUILT_AS.search(kernel.version)
    if built is not None:
        return built["version"]
    for image in images:
        found = _DPKG_IMAGE.fullmatch(image.name)
        if found is not None and found["release"] == kernel.release:
            return image.version
    return None


def _rpm_images(packages: Iterable[Package]) -> tuple[Package, ...]:
    return tuple(package for package in packages if _RPM_IMAGE.fullmatch(package.name))


def _rpm_running(kernel: Kernel, images: Iterable[Package]) -> str | None:
    for image in images:
        version = image.version.rpartition(":")[2]
        if kernel.release in (f"{version}.{image.architecture}", version):
            return image.version
    return None


def waiting_since(unpacked: KernelUnpacked | Unproven, newest: Package) -> datetime | None:
    """When the newest kernel was installed, by the host's clock; None when that is not known."""
    return None if isinstance(unpacked, Unproven) else unpacked.times.get(newest.name)
