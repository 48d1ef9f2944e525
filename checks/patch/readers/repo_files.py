"""Reading the files in which dnf and zypper name their repositories: dnf.conf(5), zypper(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from secaudit.api import Answer, Command, Evidence, Unproven, UnprovenKind

from ..facts import Archive, TrustOverride
from .lines import at_line, match_line, unknown_line

# No other setting is printed: passwords of repositories and proxies stand in the same files.
_SETTINGS = (
    r"^[[:blank:]]*(\[|(enabled|gpgcheck|repo_gpgcheck|pkg_gpgcheck|localpkg_gpgcheck|baseurl|mirrorlist|metalink"
    r"|excludepkgs|exclude)[[:blank:]]*=)"
)
DNF_FILES = Command(
    (
        *("grep", "-r", "-s", "-H", "-n", "-E", "--include=*.repo", "--include=dnf.conf", _SETTINGS),
        *("/etc/yum.repos.d", "/etc/dnf"),
    )
)
ZYPPER_FILES = Command(
    (*("grep", "-r", "-s", "-H", "-n", "-E", "--include=*.repo", "--include=zypp.conf", _SETTINGS, "/etc/zypp"),)
)

_LINE = re.compile(r"(?P<file>/etc/[^:]+):\d+:(?P<text>.*)")
_SECTION = re.compile(r"\s*\[(?P<id>[^\]]+)\]\s*(?:[#;].*)?")
_SETTING = re.compile(r"\s*(?P<key>[a-z_]+)\s*=\s*(?P<value>.*?)\s*")
_ON = frozenset({"1", "yes", "true", "on"})
_OFF = frozenset({"0", "no", "false", "off"})
_ADDRESSES = ("baseurl", "mirrorlist", "metalink")


@dataclass(frozen=True, slots=True)
class RepoSection:
    """A section of a file: its name (`main` or a repository's id), its settings by key, and where it begins."""

    file: str
    name: str
    settings: Mapping[str, str]
    evidence: Evidence

    def flag(self, key: str, default: bool) -> bool:
        """A switch. Raises `Unproven` for a value that is neither on nor off."""
        value = self.settings.get(key, "").lower()
        if value in _ON:
            return True
        if value and value not in _OFF:
            reason = f"{key} of {self.name} in {self.file} is neither on nor off"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (self.evidence,))
        return default if not value else False


def read_sections(answer: Answer) -> tuple[RepoSection, ...]:
    """All sections. Raises `Unproven` for a line that is neither a section nor a setting of one."""
    return tuple(_sections(answer))


def read_archives(
    sections: tuple[RepoSection, ...], answer: Answer, default: bool
) -> tuple[tuple[Archive, ...], tuple[TrustOverride, ...]]:
    """The enabled repositories; `default` says whether signatures are checked where no file says a word about it.

    Raises `Unproven` when there is no enabled repository: then nothing tells where packages came from.
    """
    mains = [section for section in sections if section.name == "main"]
    checked = all(section.flag("gpgcheck", default) for section in mains) if mains else default
    overrides = tuple(
        TrustOverride(section.file, "gpgcheck is off", section.evidence)
        for section in mains
        if not section.flag("gpgcheck", True)
    )
    archives = tuple(
        Archive(_site(section), section.name, None, "", section.flag("gpgcheck", checked), section.evidence)
        for section in sections
        if section.name != "main" and section.flag("enabled", True)
    )
    if not archives:
        raise Unproven(UnprovenKind.MISSING, "the host has no enabled repository", (answer.evidence(),))
    return archives, overrides


def _sections(answer: Answer) -> Iterator[RepoSection]:
    file = name = ""
    settings: dict[str, str] = {}
    evidence = answer.evidence()
    for number, line in enumerate(answer.lines, 1):
        found = match_line(_LINE, line)
        section = _SECTION.fullmatch(found["text"]) if found else None
        setting = _SETTING.fullmatch(found["text"]) if found else None
        if found is not None and section is not None:
            if name:
                yield RepoSection(file, name, settings, evidence)
            file, name, settings, evidence = found["file"], section["id"], {}, at_line(answer, number, line)
        elif found is not None and setting is not None and found["file"] == file:
            settings[setting["key"]] = setting["value"]
        else:
            reason = f"line {number} of the repositories has a form that is not known"
            raise unknown_line(answer, number, line, reason=reason)
    if name:
        yield RepoSection(file, name, settings, evidence)


def _site(section: RepoSection) -> str:
    address = next((section.settings[key] for key in _ADDRESSES if section.settings.get(key)), "")
    try:
        return urlsplit(address).hostname or section.file
    except ValueError:
        return section.file
