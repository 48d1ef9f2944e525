"""Reading where apt takes packages from, which ones are held, and whether updates install themselves."""

from __future__ import annotations

import re

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind

from ...host.facts import Packages
from ..facts import Archive, AutomaticUpdates, HeldPackage, HeldPackages, LastAutomaticRun, Repositories, TrustOverride
from .lines import LONGEST_LINE, at_line, match_line, unknown_line
from .stamps import FIND_FORMAT, read_stamps

_REMARKS = ("W: ", "N: ")
"""How lines begin in which programs of apt tell of something that changes nothing."""

HOLDS = Command(("apt-mark", "showhold"), remarks=_REMARKS)
# apt-get(8), indextargets: made for other programs. Signed-by is not told, whether a signature was checked is.
ARCHIVES = Command(
    (
        "apt-get",
        "indextargets",
        "--format",
        "$(SITE)\t$(RELEASE)\t$(ORIGIN)\t$(LABEL)\t$(TRUSTED)",
        "Created-By: Packages",
    ),
    remarks=_REMARKS,
)
# sources.list(5): these options switch the check off. Nothing behind them is printed: an address may hold a password.
OVERRIDES = Command(
    (
        *("grep", "-r", "-s", "-H", "-n", "-o", "-i", "-E", "--include=*.list", "--include=*.sources"),
        r"^[^#]*\b(trusted|allow-insecure|allow-weak|allow-downgrade-to-insecure)[[:blank:]]*[=:][[:blank:]]*(yes|true|1)",
        "/etc/apt",
    )
)
# Setting by setting: proxies, which may hold a password, are settings of the same group.
APT_TRUST = Command(
    (
        *("apt-config", "dump", "--format", "%F\t%v%n"),
        *("Acquire::AllowInsecureRepositories", "Acquire::AllowWeakRepositories"),
        *("Acquire::AllowDowngradeToInsecureRepositories", "APT::Get::AllowUnauthenticated"),
    ),
    remarks=_REMARKS,
)
APT_PERIODIC = Command(("apt-config", "dump", "--format", "%F\t%v%n", "APT::Periodic"))
# Of a timer that is not there systemctl(1) says so on stderr only.
APT_TIMER = Command(("systemctl", "is-enabled", "apt-daily-upgrade.timer"), remarks=("No such file or directory",))
APT_RUNS = Command(
    (
        *("find", "-H", "/var/lib/apt/periodic", "-maxdepth", "1", "-path", "/var/lib/apt/periodic"),
        *("-printf", FIND_FORMAT, "-o", "-name", "unattended-upgrades-stamp", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*(?::[a-z0-9-]+)?", re.ASCII)
_OVERRIDE = re.compile(r"(?P<place>/etc/apt/[^:]+):\d+:(?P<text>.*)")
_OPTION = re.compile(r"\b((?:trusted|allow-[a-z-]+)[\s]*[=:]\s*\w+)$", re.IGNORECASE)
_SETTING = re.compile(r"(?P<name>[^\t]+)\t(?P<value>.*)")
_INSECURE = frozenset(
    {
        "acquire::allowinsecurerepositories",
        "acquire::allowweakrepositories",
        "acquire::allowdowngradetoinsecurerepositories",
        "apt::get::allowunauthenticated",
    }
)
_NO = frozenset({"", "0", "no", "false", "off", "without", "disable"})
_NOTHING_FOUND = 1


def read_holds(answer: Answer) -> HeldPackages:
    """The names, one on a line. Raises `Unproven` for a line that is none."""
    held = []
    for number, line in enumerate(answer.lines, 1):
        if not _PACKAGE.fullmatch(line[:LONGEST_LINE]):
            reason = f"line {number} of the held packages is no package name"
            raise unknown_line(answer, number, line, reason=reason)
        held.append(HeldPackage(line, at_line(answer, number, line)))
    return HeldPackages("dpkg", tuple(held), answer.evidence())


def read_repositories(answers: Answers) -> Repositories:
    """Archives, and settings that switch the check of their signatures off.

    Raises `Unproven` when there is no archive at all: then nothing tells where packages came from.
    """
    answer = answers.ended(ARCHIVES, quiet=True)
    archives: dict[tuple[str, ...], Archive] = {}
    for number, line in enumerate(answer.lines, 1):
        fields = line.split("\t")
        if len(fields) != 5 or fields[4] not in ("yes", "no", "$(TRUSTED)"):
            reason = f"line {number} of the archives has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
        # A field that the Release file does not have stays as its own name.
        site, release, origin, label, trusted = ("" if field.startswith("$(") else field for field in fields)
        archive = Archive(site, release, origin, label, trusted == "yes", at_line(answer, number, line))
        archives.setdefault((site, release, origin, label, trusted), archive)
    if not archives:
        raise Unproven(UnprovenKind.MISSING, "the host has no list of any archive", (answer.evidence(),))
    found = answers.ended(OVERRIDES, exits=(0, _NOTHING_FOUND), quiet=True)
    overrides = [_override(found, number, line) for number, line in enumerate(found.lines, 1)]
    settings = answers.ended(APT_TRUST, quiet=True)
    if settings.lines and not _settings(settings):
        reason = "line 1 of the settings has a form that is not known"
        raise unknown_line(settings, 1, settings.lines[0], reason=reason)
    for number, (name, value) in _settings(settings):
        if name.lower() in _INSECURE and value.lower() not in _NO:
            overrides.append(TrustOverride(name, f"{name} {value}", at_line(settings, number, f"{name}\t{value}")))
    return Repositories(tuple(archives.values()), tuple(overrides), answer.evidence())


def read_automatic_updates(answers: Answers) -> AutomaticUpdates:
    """What keeps apt from installing updates by itself: settings, the program, and the timer that starts it."""
    settings = answers.ended(APT_PERIODIC)
    values = {name.lower(): value for _, (name, value) in _settings(settings)}
    missing = [
        f"APT::Periodic::{name} is not set"
        for name in ("Update-Package-Lists", "Unattended-Upgrade")
        if values.get(f"apt::periodic::{name.lower()}", "").lower() in _NO
    ]
    if not any(package.name == "unattended-upgrades" for package in answers.facts[Packages].packages):
        missing.append("unattended-upgrades is not installed")
    if values.get("apt::periodic::enable", "1").lower() in _NO:
        missing.append("APT::Periodic::Enable is 0")
    # is-enabled(systemctl(1)) ends with an error for a timer that is not enabled, and says so on stdout.
    timer = answers.ended(APT_TIMER, exits=(0, 1, 4))
    if timer.text.strip() not in ("enabled", "enabled-runtime", "static"):
        missing.append(f"apt-daily-upgrade.timer is {timer.text.strip() or 'not there'}")
    return AutomaticUpdates(tuple(missing), (settings.evidence(), timer.evidence()))


def read_last_run(answer: Answer) -> LastAutomaticRun:
    """The stamp that apt's daily job leaves. Raises `Unproven` when it never ran."""
    _, stamps = read_stamps(answer)
    for stamp in stamps:
        return LastAutomaticRun(stamp.modified, stamp.evidence)
    raise Unproven(UnprovenKind.STALE, "no run has left its stamp", (answer.evidence(),))


def _override(answer: Answer, number: int, line: str) -> TrustOverride:
    found = match_line(_OVERRIDE, line)
    option = _OPTION.search(found["text"]) if found else None
    if found is None or option is None:
        reason = f"line {number} of the sources has a form that is not known"
        raise unknown_line(answer, number, line, reason=reason)
    return TrustOverride(found["place"], option[1], at_line(answer, number, f"{found['place']}: {option[1]}"))


def _settings(answer: Answer) -> list[tuple[int, tuple[str, str]]]:
    """Settings by line; a value may hold line breaks, whose lines are no settings and are passed over."""
    found = [(number, _SETTING.fullmatch(line[:LONGEST_LINE])) for number, line in enumerate(answer.lines, 1)]
    return [(number, (match["name"], match["value"])) for number, match in found if match]
