"""Packages of Python and Node.js that no package manager of the system looks after, and advisories about them.

What a distribution packages itself (/usr/lib/python3, /usr/share/nodejs) is left out: its repairs keep the old version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from secaudit.api import MIB, Answer, Answers, Command, FeedStamp, Platform, Unproven, attempt

from ..host.facts import Package, Packages
from .feeds.directory import FeedDirectory
from .feeds.lookup import Advisories
from .readers.lines import match_line, unknown_line

# The recording of installed packages (packaging.python.org) has name and version in the name of its folder. Read from
# the disk: pip and npm see one environment each, and npm makes a folder in the user's home whatever it is asked.
PYTHON = Command(
    (
        *("find", "-H", "/usr/local", "/opt", "-xdev", "-maxdepth", "9", "-type", "d"),
        *("-path", "*-packages/*.dist-info", "-printf", r"%p\n"),
    ),
    refusals=("Permission denied",),
    timeout=timedelta(seconds=60),
    limit=4 * MIB,
)
NODE = Command(
    (
        *("find", "-H", "/usr/local", "/usr/lib", "/opt", "-xdev", "-maxdepth", "11", "-path", "*/node_modules/*"),
        *("-name", "package.json", "-exec", "grep", "-H", "-m", "1", "-E", '^ *"version": *"', "{}", "+"),
    ),
    refusals=("Permission denied",),
    timeout=timedelta(seconds=60),
    limit=8 * MIB,
)

_DIST_INFO = re.compile(r"/.+/(?P<name>[A-Za-z0-9][\w.-]*)-(?P<version>[^-/]+)\.dist-info", re.ASCII)
_MODULE = re.compile(
    r"/.+/node_modules/(?P<name>(?:@[\w.~-]+/)?[\w.~-]+)/package\.json: *"
    r"\"version\": *\"(?P<version>[^\"]+)\",?.*",
    re.ASCII,
)
_NOT_A_PACKAGE = re.compile(r"/.+/package\.json:.*")
_SEPARATORS = re.compile(r"[-_.]+")
# find(1) ends with 1 when one of its greps found nothing.
_ENDINGS = (0, 1)

LANGUAGES: Mapping[str, tuple[str, str]] = {"pypi": ("Python", "pip"), "npm": ("Node.js", "npm")}
"""What is shown of each ecosystem, and which program installs its packages."""


@dataclass(frozen=True, slots=True)
class LanguagePackages:
    """Installed packages by ecosystem (`pypi`, `npm`), or why they are not known. Several versions may be there."""

    found: Mapping[str, Packages | Unproven]


@dataclass(frozen=True, slots=True)
class LanguageAdvisories:
    """The advisories about each ecosystem that any were imported about; the same for every platform."""

    known: Mapping[str, Advisories]


class LanguageSource(FeedDirectory):
    """Advisories of the ecosystems `PyPI` and `npm` of OSV."""

    @property
    def stamps(self) -> tuple[FeedStamp, ...]:
        """Every part about an ecosystem."""
        parts = [part for name in LANGUAGES for part in self.index.of_release(f"{name}:")]
        return tuple(FeedStamp(part.name, part.at, part.sha256) for part in parts)

    def load(self, platform: Platform | None) -> LanguageAdvisories:  # noqa: ARG002 - the interface's own signature
        """The advisories; nothing for an ecosystem about which none were imported."""
        known = {}
        for name in LANGUAGES:
            parts = self.index.of_release(f"{name}:")
            if parts:
                known[name] = Advisories(f"{name}:", parts, [self.read(part) for part in parts])
        return LanguageAdvisories(known)


def read_language_packages(answers: Answers) -> LanguagePackages:
    """What is below /usr/local and /opt, and Node's below /usr/lib."""
    return LanguagePackages({"pypi": attempt(_pypi, answers), "npm": attempt(_npm, answers)})


def _pypi(answers: Answers) -> Packages:
    return _installed("pypi", answers.ended(PYTHON), _python)


def _npm(answers: Answers) -> Packages:
    return _installed("npm", answers.ended(NODE, exits=_ENDINGS), _node)


def _installed(name: str, answer: Answer, read: Callable[[Answer], Iterator[Package]]) -> Packages:
    return Packages(LANGUAGES[name][1], tuple(dict.fromkeys(read(answer))), answer.evidence())


def _python(answer: Answer) -> Iterator[Package]:
    for number, line in enumerate(answer.lines, 1):
        found = match_line(_DIST_INFO, line)
        if found is None:
            raise _unknown(answer, number, line)
        name = _SEPARATORS.sub("-", found["name"]).lower()
        yield Package(name, found["version"], "", name, found["version"])


def _node(answer: Answer) -> Iterator[Package]:
    for number, line in enumerate(answer.lines, 1):
        found = match_line(_MODULE, line)
        if found is not None:
            yield Package(found["name"], found["version"], "", found["name"], found["version"])
        elif not match_line(_NOT_A_PACKAGE, line):
            raise _unknown(answer, number, line)


def _unknown(answer: Answer, number: int, line: str) -> Unproven:
    reason = f"line {number} of the installed packages has a form that is not known"
    return unknown_line(answer, number, line, reason=reason)
