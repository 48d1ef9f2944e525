"""Hosts by their patch level: of each package manager one that is kept well, and one that is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from secaudit.checks.host import collect as host
from secaudit.checks.host.packages import PACKAGE_COMMANDS
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.languages import LanguagePackages, node_below, python_below
from secaudit.checks.patch.readers import (
    apk,
    apt,
    dnf,
    images,
    livepatch,
    pacman,
    reboot,
    running,
    sources,
    timers,
    zypper,
)
from secaudit.checks.patch.readers.repo_files import DNF_FILES, ZYPPER_FILES

from secaudit.api import Answer, AnswerStatus, Command
from secaudit.engine.plan import plan_host
from secaudit.engine.reference import ReferenceData, open_references
from tests.checks.judging import AT, ended, recorded, unanswered
from tests.checks.patch.feeding import feed, osv
from tests.degradation.judging import HOST, Bundle, controls, registry

Expectations = Mapping[str, Sequence[Mapping[str, Any]]]
DAY = timedelta(days=1)
SHIPPED = {"application": "shop", "version": "4.2.1", "shipped": "2026-09-01", "file": "/srv/shop/VERSION"}
VERSION = Command(("cat", "/srv/shop/VERSION"))

EXPECT: Expectations = {
    "patch.advisories-overdue": [{}, {"epss": {"min": 0.5, "treat_as": "critical"}}],
    "patch.automatic-updates": [{}],
    "patch.container-images": [{}],
    "patch.deleted-libraries": [{}],
    "patch.end-of-life": [{}],
    "patch.forbidden-packages": [{"packages": ["telnetd"]}, {"packages": ["openssl"]}],
    "patch.held-packages": [{}],
    "patch.kernel-outdated": [{"livepatch_counts": True}, {"grace": "2d"}],
    "patch.kev-overdue": [{}],
    "patch.language-packages": [{}],
    "patch.lists-stale": [{}],
    "patch.minimum-versions": [{"packages": {"openssl": {"any": version}}} for version in ("1.0", "99")],
    "patch.no-fix-available": [{}],
    "patch.pending-security": [{}],
    "patch.reboot-required": [{"livepatch_counts": True}, {"max_pending": "1d"}],
    "patch.release-behind": [{"releases": [SHIPPED]}],
    "patch.repositories": [{}],
}


def stamps(*named: tuple[str, timedelta]) -> str:
    """What find(1) prints for a folder and the files in it, with their ages."""
    lines = [("0", "d", timedelta(), ""), *(("1", "f", age, name) for name, age in named)]
    times = ((depth, kind, (AT - age).timestamp(), name) for depth, kind, age, name in lines)
    return "".join(f"{depth}\t{kind}\t{at}\t{at}\t{name}\n" for depth, kind, at, name in times)


def _listed(manager: str, output: str, others: AnswerStatus = AnswerStatus.MISSING) -> list[Answer]:
    """The answers of all package managers: one lists packages, the others are not installed."""
    first: dict[str, Command] = {}
    for command in PACKAGE_COMMANDS:
        name = "apk" if "apk" in command.key else command.argv[0].removesuffix("-query")
        first.setdefault(name, command)
    answers = []
    for command in PACKAGE_COMMANDS:
        if command is first[manager]:
            answers.append(ended(command, output))
        elif manager == "rpm" and command.argv[0] == "rpm":
            answers.append(ended(command, ""))
        else:
            answers.append(unanswered(command, others))
    return answers


def _languages(python: str, node: str) -> list[Answer]:
    """What is below /opt; the other places are not there, and nothing declares more of them."""
    told = {python_below("/opt"): python, node_below("/opt"): node}
    asked = registry().collectors[LanguagePackages].plan(())
    absent = [one for one in asked if one.key.startswith("test -d ") and one.key != "test -d /opt"]
    return [ended(one, told.get(one, ""), exit=int(one in absent)) for one in asked]


def _kernel(release: str) -> Answer:
    return ended(host.KERNEL, f"Linux {release} #1 SMP Debian 6.1.1 x86_64\n")


def _common(*, well: bool, release: str, os: str) -> list[Answer]:
    """What is asked alike of every system."""
    library = "/usr/lib/x86_64-linux-gnu/libssl.so.3" + ("" if well else " (deleted)")
    at = "7f1c5c000000-7f1c5c021000 r-xp 00001000 08:01 1835                       "
    vdso = "7ffd6f3f9000-7ffd6f3fb000 r-xp 00000000 00:00 0                          [vdso]"
    maps = "".join(f"/proc/{pid}/maps:{vdso}\n/proc/{pid}/maps:{at}{library}\n" for pid in (1, 70))
    groups = "/proc/1/cgroup:0::/init.scope\n/proc/70/cgroup:0::/system.slice/nginx.service\n"
    link = "  3319618 0 lrwxrwxrwx 1 root root 0 Nov 24 08:08 /proc/{pid}/ns/mnt -> mnt:[4026531841]\n"
    venv = "/opt/shop/venv/lib/python3.11/site-packages"
    django, lodash = ("4.2.9", "4.17.21") if well else ("4.2.1", "4.17.20")
    images_of_docker = [
        json.dumps(
            {
                "ID": "sha256:" + "0b" * 32,
                "Repository": "shop",
                "Tag": "1.4" if well else "latest",
                "Digest": "<none>",
                "CreatedAt": "2026-11-20 10:00:00 +0100 CET",
            }
        )
    ]
    container = json.dumps(["web", "shop:1.4" if well else "shop:latest"])
    return [
        ended(host.OS_RELEASE, os),
        ended(host.MOUNTS, b"".join(recorded("host", "mountinfo.txt").splitlines(keepends=True)[:3])),
        ended(host.CLOCK, f"{AT.timestamp():.9f}\n"),
        _kernel(release),
        ended(running.MAPS, maps, exit=1),
        ended(running.GROUPS, groups, exit=1),
        ended(running.NAMESPACES, link.format(pid=1) + link.format(pid=70), exit=1),
        *_languages(
            f"{venv}/Django-{django}.dist-info\n{venv}/zope.interface-6.0.dist-info\n",
            f'/opt/shop/node_modules/lodash/package.json:  "version": "{lodash}",\n',
        ),
        ended(images.DOCKER_IMAGES, "\n".join(("/run/docker.pid", *images_of_docker, ""))),
        ended(images.DOCKER_CONTAINERS, f"/run/docker.pid\n{container}\n"),
        ended(images.STORE, "/var/lib/containers/storage\n" if not well else ""),
        ended(images.STORED, recorded("patch", "podman-store.txt")) if not well else ended(images.STORED, exit=1),
        ended(VERSION, "4.2.1\n" if well else "4.2\n"),
        ended(reboot.FLAG, stamps() if well else stamps(("reboot-required", 9 * DAY))),
        ended(reboot.FLAG_PACKAGES, exit=1, stderr="cat: no\n") if well else ended(reboot.FLAG_PACKAGES, "libc6\n"),
    ]


_PATCHED = "/sys/kernel/livepatch/kpatch/enabled:1\n/sys/kernel/livepatch/kpatch/transition:0\n"
_CLIENT = '{"Status": [{"Kernel": "6.1.1", "Running": true, "Livepatch": {"State": "%s", "CheckState": "checked"}}]}'


def _live_patches(loaded: str = "", client: str = "") -> list[Answer]:
    told = ended(livepatch.CANONICAL, _CLIENT % client) if client else None
    return [
        ended(livepatch.LOADED, f"/proc/version:Linux version 6.1.1\n{loaded}", exit=0 if loaded else 2),
        told or unanswered(livepatch.CANONICAL, AnswerStatus.MISSING),
    ]


# --- Debian -----------------------------------------------------------------------------------------------------------

_DEBIAN = recorded("host", "os-release.txt").decode()
_BUSTER = _DEBIAN.replace('"12', '"10').replace("bookworm", "buster")
_DPKG = recorded("host", "dpkg-query.txt").decode()
_IMAGE = "linux-image-6.1.0-{number}-amd64\t6.1.1\tlinux\t6.1.1\tamd64\tii \n"
_ARCHIVES = (
    "http://mirror.example/debian\tbookworm\tDebian\tDebian\tyes\n"
    "http://mirror.example/debian-security\tbookworm-security\tDebian\tDebian-Security\tyes\n"
)
_FOREIGN = "https://apt.acme.example/debian\t./\tAcme\tAcme packages\tno\n"
_TRUST = "Acquire::AllowInsecureRepositories\t{value}\nAcquire::AllowWeakRepositories\t0\n"
_PERIODIC = "APT::Periodic\t\nAPT::Periodic::Update-Package-Lists\t1\nAPT::Periodic::Unattended-Upgrade\t{value}\n"


def debian(*, well: bool, os: str = _DEBIAN, live: Sequence[Answer] = ()) -> list[Answer]:
    """A host with apt."""
    kernels = _IMAGE.format(number=37) + ("" if well else _IMAGE.format(number=40))
    updater = "unattended-upgrades\t2.9.1\tunattended-upgrades\t2.9.1\tall\tii \n" if well else ""
    security = "mirror.example_debian-security_dists_bookworm-security_InRelease"
    overridden = "" if well else "/etc/apt/sources.list.d/acme.list:1:deb [arch=amd64 trusted=yes\n"
    age = DAY / 12 if well else 9 * DAY
    return [
        *_common(well=well, release="6.1.0-37-amd64", os=os),
        *_listed("dpkg", _DPKG + kernels + updater),
        *(live or _live_patches()),
        ended(apt.SIMULATION, recorded("patch", "simulation-current.txt" if well else "simulation.txt")),
        ended(apt.LISTS, stamps((security, age), ("mirror.example_debian_dists_bookworm_InRelease", age))),
        ended(reboot.UNPACKED, stamps(*((f"linux-image-6.1.0-{number}-amd64.list", 8 * DAY) for number in (37, 40)))),
        ended(sources.HOLDS, "" if well else "openssl\nvim\n"),
        ended(sources.ARCHIVES, _ARCHIVES if well else _ARCHIVES + _FOREIGN),
        ended(sources.OVERRIDES, overridden, exit=0 if overridden else 1),
        ended(sources.APT_TRUST, _TRUST.format(value=0 if well else 1)),
        ended(sources.APT_PERIODIC, _PERIODIC.format(value=1 if well else 0)),
        ended(sources.APT_TIMER, "enabled\n" if well else "disabled\n", exit=0 if well else 1),
        ended(sources.APT_RUNS, stamps(("unattended-upgrades-stamp", age))),
    ]


# --- the others -------------------------------------------------------------------------------------------------------

_RPMS = (
    "openssl-libs\t1\t3.0.7\t27.el9\tx86_64\topenssl-3.0.7-27.el9.src.rpm\n"
    "bash\t0\t5.1.8\t9.el9\tx86_64\tbash-5.1.8-9.el9.src.rpm\n"
)
_ALMA = 'ID="almalinux"\nVERSION_ID="9.4"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="AlmaLinux 9.4"\n'
_LEAP = 'ID="opensuse-leap"\nVERSION_ID="15.6"\nID_LIKE="suse opensuse"\nPRETTY_NAME="openSUSE Leap 15.6"\n'
_ALPINE = "ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=Alpine\n"
_ARCH = "ID=arch\nPRETTY_NAME=Arch\n"
_MAIN = "/etc/dnf/dnf.conf:1:[main]\n/etc/dnf/dnf.conf:2:gpgcheck={check}\n"
_BASEOS = (
    "/etc/yum.repos.d/almalinux.repo:1:[baseos]\n"
    "/etc/yum.repos.d/almalinux.repo:3:mirrorlist=https://mirrors.almalinux.org/mirrorlist/9/baseos\n"
    "/etc/yum.repos.d/almalinux.repo:4:enabled=1\n"
)


def alma(*, well: bool) -> list[Answer]:
    """A host with dnf."""
    age = DAY / 12 if well else 9 * DAY
    pending = "ALSA-2024:1130 Important/Sec. openssl-libs-1:3.0.7-28.el9.x86_64\n"
    locks = recorded("patch", "dnf-locks.txt")
    timer = "dnf-automatic-install.timer" if well else "dnf-automatic.timer"
    return [
        *_common(well=well, release="5.14.0-427.el9.x86_64", os=_ALMA),
        *_listed("rpm", _RPMS),
        *_live_patches(),
        ended(dnf.PENDING, "" if well else pending),
        ended(dnf.INSTALLED, "ALSA-2024:0001 Important/Sec. bash-5.1.8-9.el9.x86_64\n"),
        ended(dnf.METADATA, stamps(("baseos-0123/repodata/repomd.xml", age))),
        ended(dnf.LOCKS, exit=1) if well else ended(dnf.LOCKS, locks),
        ended(DNF_FILES, _MAIN.format(check=int(well)) + _BASEOS),
        ended(timers.TIMERS, f"{timer} enabled disabled\n"),
        ended(timers.DNF_CONF, "/etc/dnf/automatic.conf:20:apply_updates = no\n"),
        ended(timers.STAMPS, stamps((f"stamp-{timer}", age))),
    ]


def leap(*, well: bool) -> list[Answer]:
    """A host with zypper."""
    age = DAY / 12 if well else 9 * DAY
    patches = recorded("patch", "zypper-patches.xml").decode()
    repositories = recorded("patch", "zypp-repos.txt").decode().replace("demo", "repo-oss")
    locks = recorded("patch", "zypp-locks.txt")
    return [
        *_common(well=well, release="6.4.0-150600.21-default", os=_LEAP),
        *_listed("rpm", _RPMS),
        *_live_patches(),
        ended(zypper.PATCHES, patches if well else patches.replace("not-needed", "needed")),
        ended(zypper.METADATA, stamps(("repo-oss/repodata/repomd.xml", age))),
        ended(zypper.LOCKS, exit=1) if well else ended(zypper.LOCKS, locks),
        ended(ZYPPER_FILES, repositories.replace("gpgcheck=0", "gpgcheck=1") if well else repositories),
        ended(timers.TIMERS, f"transactional-update.timer {'enabled' if well else 'disabled'} enabled\n"),
        ended(timers.STAMPS, stamps(("stamp-transactional-update.timer", age))),
    ]


def alpine(*, well: bool) -> list[Answer]:
    """A host with apk."""
    age = DAY / 12 if well else 9 * DAY
    database = "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\nP:openssl\nV:3.3.2-r0\nA:x86_64\no:openssl\n\n"
    kernel = f"P:linux-lts\nV:6.6.{56 if well else 58}-r0\nA:x86_64\no:linux-lts\n\n"
    heading = "Installed:                                Available:\n"
    testing = "@testing https://dl-cdn.alpinelinux.org/alpine/edge/testing\n"
    main = "https://dl-cdn.alpinelinux.org/alpine/v3.20/main\n"
    return [
        *_common(well=well, release="6.6.56-0-lts", os=_ALPINE),
        *_listed("apk", database + kernel),
        *_live_patches(),
        ended(apk.NEWER, heading if well else f"{heading}musl-1.2.4-r2  < 1.2.4-r3\n"),
        ended(apk.INDEXES, stamps(("APKINDEX.bf1c2ae3.tar.gz", age))),
        ended(apk.WORLD, "alpine-base\n" if well else "alpine-base\nnginx=1.26.2-r0\n"),
        ended(apk.REPOSITORIES, main if well else main + testing),
        ended(apk.JOBS, "/etc/periodic/daily/upgrade\n") if well else ended(apk.JOBS, exit=1),
    ]


def arch(*, well: bool) -> list[Answer]:
    """A host with pacman."""
    settings = recorded("patch", "pacman-conf.txt").decode()
    if well:
        kept = (line for line in settings.splitlines() if not line.startswith("Ignore"))
        settings = "\n".join(kept).replace("PackageOptional", "PackageRequired") + "\n"
    newer = "openssl 3.3.2-1 -> 3.3.3-1\n"
    return [
        *_common(well=well, release="6.11.5-arch1-1", os=_ARCH),
        *_listed("pacman", f"linux 6.11.{5 if well else 6}.arch1-1\nopenssl 3.3.2-1\n"),
        *_live_patches(),
        ended(pacman.NEWER, exit=1) if well else ended(pacman.NEWER, newer),
        ended(pacman.DATABASES, stamps(("core.db", DAY / 12 if well else 9 * DAY))),
        ended(pacman.SETTINGS, settings),
    ]


# --- reference data ---------------------------------------------------------------------------------------------------

_FLAWS = (
    osv("DSA-1-1", "openssl", "3.0.19-1~deb12u3", cves=["CVE-2026-1000"], published="2026-09-01T00:00:00Z"),
    osv("DSA-2-1", "bash", "5.0-1"),
    osv("DSA-3-1", "vim", cves=["CVE-2026-2000"], database_specific={"severity": "HIGH"}),
    osv("DSA-4-1", "zlib", "1:1.0-1"),
    osv("DSA-5-1", "inetutils", database_specific={"severity": "HIGH"}),
    osv("GHSA-1", "django", "4.2.9", ecosystem="PyPI"),
    osv("GHSA-2", "lodash", "4.17.21", ecosystem="npm"),
)
_EXPLOITED = {
    "catalogVersion": "1",
    "dateReleased": "2026-11-23T00:00:00Z",
    "count": 1,
    "vulnerabilities": [
        {
            "cveID": "CVE-2026-1000",
            "dateAdded": "2026-10-01",
            "dueDate": "2026-10-22",
            "knownRansomwareCampaignUse": "Unknown",
        }
    ],
}


def _references(directory: Path, *, flaws: bool) -> ReferenceData:
    """Feeds about Debian 12 and the languages, by which these hosts have flaws, or none that counts."""
    records = _FLAWS if flaws else tuple(record for record in _FLAWS if record["id"] not in ("DSA-1-1", "DSA-3-1"))
    plan = plan_host(HOST, controls(EXPECT), registry())
    directory.mkdir()
    catalogue, scores = directory / "kev.json", directory / "epss.csv"
    catalogue.write_text(json.dumps(_EXPLOITED))
    scores.write_text("cve,epss,percentile\nCVE-2026-1000,0.6,0.9\n")
    paths = (feed(directory, *records), catalogue, scores)
    import_feeds(paths, directory / "feeds", AT - DAY, as_of=AT - DAY)
    return open_references([plan], registry(), directory / "feeds")


def bundles(directory: Path) -> Iterator[Bundle]:
    """All of them; feeds are kept in the directory."""
    good, bad = (_references(directory / name, flaws=name == "bad") for name in ("good", "bad"))
    patched = _live_patches(_PATCHED, "applied")
    yield Bundle("patch debian well", tuple(debian(well=True)), EXPECT, good)
    yield Bundle("patch debian ill", tuple(debian(well=False)), EXPECT, bad)
    yield Bundle("patch debian old", tuple(debian(well=False, os=_BUSTER, live=patched)), EXPECT, bad)
    unapplied = _live_patches(_PATCHED, "unapplied")
    yield Bundle("patch debian behind its live patches", tuple(debian(well=False, live=unapplied)), EXPECT, bad)
    for host_of in (alma, leap, alpine, arch):
        for well in (True, False):
            yield Bundle(
                f"patch {host_of.__name__} {'well' if well else 'ill'}", tuple(host_of(well=well)), EXPECT, bad
            )
