"""Installed packages, from the package manager that the distribution uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from secaudit.api import MIB, Answer, Answers, AnswerStatus, Command, Unproven, UnprovenKind

from .facts import OsRelease, Package, Packages

_DPKG_FORMAT = (
    "${binary:Package}\\t${Version}\\t${source:Package}\\t${source:Version}\\t${Architecture}\\t${db:Status-Abbrev}\\n"
)
_RPM_FORMAT = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n"
# A question of its own, because rpm before 4.14.1 does not know the tag and then answers nothing at all.
_MODULES = Command(
    (
        *("rpm", "-qa", "--qf"),
        "%|MODULARITYLABEL?{%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{MODULARITYLABEL}\\n}|",
    ),
    limit=4 * MIB,
)
_EPOCH = re.compile(r"\d{1,10}", re.ASCII)
_SOURCE_RPM = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")


@dataclass(frozen=True, slots=True)
class _Manager:
    name: str
    command: Command
    distributions: frozenset[str]
    read: Callable[[Answer], Iterator[Package]]


def read_packages(answers: Answers) -> Packages:
    """The packages of the one manager that os-release(5) points at, else of the only one that answered with any.

    Raises `Unproven` when the manager cannot be told or its answer cannot be read.
    """
    manager = _native(answers.facts.get(OsRelease)) or _only(answers)
    # A list that ends early looks like a whole one; only rpm warns of old files beside a complete list.
    answer = answers.ended(manager.command, quiet=manager.name != "rpm")
    packages = tuple(manager.read(answer))
    if manager.name == "rpm":
        packages = _with_modules(packages, answers[_MODULES])
    if not packages:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"{manager.name} lists no installed package", (answer.evidence(),))
    return Packages(manager.name, packages, answer.evidence())


def _native(os_release: OsRelease | Unproven) -> _Manager | None:
    if isinstance(os_release, Unproven):
        return None
    for name in (os_release.id, *os_release.id_like):
        for manager in _MANAGERS:
            if name in manager.distributions:
                return manager
    return None


def _only(answers: Answers) -> _Manager:
    answered = [manager for manager in _MANAGERS if answers[manager.command].stdout]
    if len(answered) == 1:
        return answered[0]
    if answered:
        names = ", ".join(manager.name for manager in answered)
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, f"{names} list packages, and the distribution is not known")
    for manager in _MANAGERS:
        # A question that got no answer at all says more than a tool that is not there.
        if answers[manager.command].status not in (AnswerStatus.ENDED, AnswerStatus.MISSING):
            answers.ended(manager.command)
    raise Unproven(UnprovenKind.MISSING, "neither dpkg nor rpm nor apk nor pacman lists any package on this host")


def _dpkg(answer: Answer) -> Iterator[Package]:
    for number, fields in _rows(answer, 6):
        name, version, source, source_version, architecture, status = fields
        if len(status) < 2:
            raise _unknown(answer, number)
        # dpkg-query(1), db:Status-Abbrev: `n` is not installed, `c` has left nothing but configuration files.
        if status[1] not in "nc":
            yield Package(name.partition(":")[0], version, architecture, source, source_version)


def _rpm(answer: Answer) -> Iterator[Package]:
    for number, (name, epoch, version, release, architecture, source) in _rows(answer, 6):
        if not _EPOCH.fullmatch(epoch):
            raise _unknown(answer, number)
        prefix = f"{epoch}:" if int(epoch) else ""
        if name == "gpg-pubkey":  # an imported key, which rpm keeps as if it were a package
            continue
        found = _SOURCE_RPM.fullmatch(source)
        yield Package(
            name=name,
            version=f"{prefix}{version}-{release}",
            architecture=architecture,
            source=found[1] if found else name,
            source_version=prefix + found[2] if found else f"{prefix}{version}-{release}",
        )


def _apk(answer: Answer) -> Iterator[Package]:
    """Records of apk's database: lines `X:value`, a blank line after each; apk-package(5)."""
    record: dict[str, str] = {}
    for number, line in enumerate([*answer.lines, ""], 1):
        key, colon, value = line.partition(":")
        if colon:
            record.setdefault(key, value)
        elif line:
            raise _unknown(answer, number)
        elif record:
            if not record.get("P") or not record.get("V"):
                raise _unknown(answer, number - 1)
            version = record["V"]
            yield Package(record["P"], version, record.get("A", ""), record.get("o") or record["P"], version)
            record = {}


def _pacman(answer: Answer) -> Iterator[Package]:
    """`NAME VERSION` on a line, pacman(8); which source package it was built from is not told."""
    for number, line in enumerate(answer.lines, 1):
        name, _, version = line.partition(" ")
        if not name or not version or " " in version:
            raise _unknown(answer, number)
        yield Package(name, version, "", name, version)


def _with_modules(packages: tuple[Package, ...], answer: Answer) -> tuple[Package, ...]:
    """The packages with the stream (`nodejs:20`) of those that belong to one; a release says itself that it does."""
    if answer.status is not AnswerStatus.ENDED or answer.exit != 0 or answer.truncated:
        return packages
    streams = {}
    for _, (name, epoch, version, release, architecture, label) in _rows(answer, 6):
        if not _EPOCH.fullmatch(epoch):
            continue
        prefix = f"{epoch}:" if int(epoch) else ""
        streams[name, f"{prefix}{version}-{release}", architecture] = ":".join(label.split(":")[:2])
    return (
        tuple(
            replace(package, stream=stream)
            if (stream := streams.get((package.name, package.version, package.architecture)))
            else package
            for package in packages
        )
        if streams
        else packages
    )


def _rows(answer: Answer, columns: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(answer.lines, 1):
        fields = line.split("\t")
        if len(fields) != columns or not fields[0] or not fields[1]:
            raise _unknown(answer, number)
        yield number, fields


def _unknown(answer: Answer, number: int) -> Unproven:
    return Unproven(
        UnprovenKind.NOT_UNDERSTOOD,
        f"line {number} of the list of packages has a form that is not known",
        (answer.evidence(number),),
    )


_MANAGERS = (
    _Manager(
        "dpkg",
        Command(("dpkg-query", "-W", "-f", _DPKG_FORMAT), limit=16 * MIB, remarks=("dpkg-query: warning: ",)),
        frozenset({"debian", "ubuntu"}),
        _dpkg,
    ),
    _Manager(
        "rpm",
        Command(("rpm", "-qa", "--qf", _RPM_FORMAT), limit=16 * MIB),
        frozenset({"rhel", "fedora", "centos", "almalinux", "rocky", "ol", "amzn", "suse", "sles", "opensuse"}),
        _rpm,
    ),
    _Manager("apk", Command(("cat", "/lib/apk/db/installed"), limit=16 * MIB), frozenset({"alpine"}), _apk),
    _Manager(
        "pacman",
        Command(("pacman", "-Q"), limit=4 * MIB, remarks=("warning: ",)),
        frozenset({"arch", "manjaro"}),
        _pacman,
    ),
)

PACKAGE_COMMANDS: tuple[Command, ...] = (*(manager.command for manager in _MANAGERS), _MODULES)
"""Every manager is asked, because what is there is not known before the answers are."""
