"""Packages of Python and Node.js that no package manager of the system looks after, and advisories about them.

What a distribution packages itself (/usr/lib/python3, /usr/share/nodejs) is left out: its repairs keep the old version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from pydantic import Field, field_validator

from secaudit.api import (
    MIB,
    Answer,
    Answers,
    AnswerStatus,
    Command,
    Duration,
    Evidence,
    Expect,
    FeedStamp,
    Platform,
    Unproven,
    attempt,
)

from ..host.facts import Mounts, Package, Packages
from .feeds.directory import FeedDirectory
from .feeds.lookup import Advisories
from .readers.lines import match_line, unknown_line
from .readers.used_places import DECLARED, is_below, read_used_places, searched

PLACES = ("/usr/local", "/opt", "/srv", "/var/www")
"""Where applications lie that no package manager put there, by the Filesystem Hierarchy Standard and by custom."""


def python_below(place: str) -> Command:
    """The installed packages of Python below a place.

    Their recording (packaging.python.org) has name and version in the name of its folder. Read from the disk: pip and
    npm see one environment each, and npm makes a folder in the user's home whatever it is asked.
    """
    return Command(
        (
            *("find", "-H", place, "-xdev", "-maxdepth", "9", "-type", "d"),
            *("-path", "*-packages/*.dist-info", "-printf", r"%p\n"),
        ),
        refusals=("Permission denied",),
        timeout=timedelta(seconds=60),
        limit=4 * MIB,
    )


def node_below(place: str) -> Command:
    """The installed packages of Node.js below a place, with the line of each that names its version."""
    return Command(
        (
            *("find", "-H", place, "-xdev", "-maxdepth", "11", "-path", "*/node_modules/*"),
            *("-name", "package.json", "-exec", "grep", "-H", "-m", "1", "-E", '^ *"version": *"', "{}", "+"),
        ),
        refusals=("Permission denied",),
        timeout=timedelta(seconds=60),
        limit=8 * MIB,
    )


def is_there(place: str) -> Command:
    """Whether a place is there: `find` ends alike where it is not, and where a part of it cannot be read."""
    return Command(("test", "-d", place))


_DIST_INFO = re.compile(r"/.+/(?P<name>[A-Za-z0-9][\w.-]*)-(?P<version>[^-/]+)\.dist-info", re.ASCII)
_MODULE = re.compile(
    r"/.+/node_modules/(?P<name>(?:@[\w.~-]+/)?[\w.~-]+)/package\.json: *"
    r"\"version\": *\"(?P<version>[^\"]+)\",?.*",
    re.ASCII,
)
_NOT_A_PACKAGE = re.compile(r"/.+/package\.json:.*")
_SEPARATORS = re.compile(r"[-_.]+")

_FOLDER = re.compile(r"(?:/[A-Za-z0-9._+@-]+)+/?", re.ASCII)
_MOST_MOUNTS = 50
_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")

LANGUAGES: Mapping[str, tuple[str, str, Callable[[str], Command]]] = {
    "pypi": ("Python", "pip", python_below),
    "npm": ("Node.js", "npm", node_below),
}
"""What is shown of each ecosystem, which program installs its packages, and how they are looked for below a place."""


class LanguageFlaws(Expect):
    """How old the advisories may be, which packages do not count, and where else than in `PLACES` packages lie."""

    feed_max_age: Duration = Field(default=timedelta(days=3), gt=timedelta())
    allow: frozenset[str] = Field(default=frozenset(), description="packages that do not count; prefer a waiver")
    places: tuple[str, ...] = Field(
        default=(), max_length=50, description="folders below which applications lie, beside the usual ones"
    )
    ignore_places: tuple[str, ...] = Field(
        default=(), max_length=50, description="folders in use below which packages need not be looked for"
    )

    @field_validator("places", "ignore_places")
    @classmethod
    def _are_folders(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        for place in places:
            if not _FOLDER.fullmatch(place) or ".." in PurePosixPath(place).parts:
                raise ValueError(f"{place!r} is not an absolute path of plain characters, such as /data/shop")
            if place == "/" or place.startswith(_KERNEL_FOLDERS):
                raise ValueError(f"{place!r} holds no applications; name the folder below which they lie")
        return places


def looked_at(wanted: Iterable[Expect], name: str) -> tuple[str, ...]:
    """The places where packages of a language are looked for; Node.js has global ones below /usr/lib too."""
    more = (place.rstrip("/") for expect in wanted if isinstance(expect, LanguageFlaws) for place in expect.places)
    return tuple(dict.fromkeys((*PLACES, *(("/usr/lib",) if name == "npm" else ()), *more)))


def language_requests(wanted: Sequence[Expect]) -> Iterator[Command]:
    """What is asked for packages of languages: every place, and what services and web servers use."""
    for name, (_, _, below) in LANGUAGES.items():
        for place in looked_at(wanted, name):
            yield is_there(place)
            yield below(place)
    yield DECLARED


@dataclass(frozen=True, slots=True)
class LanguagePackages:
    """Installed packages by ecosystem (`pypi`, `npm`). Several versions may be there.

    `unread` are the places that could not be read, by ecosystem; `used` the folders outside of all places that services
    and web servers use, each with who does, or why that is not known.
    """

    found: Mapping[str, Packages]
    unread: Mapping[str, Mapping[str, Unproven]]
    places: Mapping[str, tuple[str, ...]]
    used: Mapping[str, str] | Unproven


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
    """What lies below the places, and which others are in use."""
    found: dict[str, Packages] = {}
    unread: dict[str, Mapping[str, Unproven]] = {}
    places = {name: looked_at(answers.wanted, name) for name in LANGUAGES}
    for name, read in (("pypi", _python), ("npm", _node)):
        packages: dict[Package, None] = {}
        troubles: dict[str, Unproven] = {}
        shown: list[Evidence] = []
        for place in places[name]:
            try:
                answer = _below(answers, name, place)
                packages.update(dict.fromkeys(read(answer) if answer else ()))
            except Unproven as trouble:
                troubles[place] = trouble
            else:
                shown += [answer.evidence()] if answer else []
        # The first answer stands for all of them where one is shown; those with packages come first.
        evidence = max(shown, key=lambda one: bool(one.excerpt), default=Evidence("find", None, None, ""))
        found[name] = Packages(LANGUAGES[name][1], tuple(packages), evidence)
        unread[name] = troubles
    looked = [place for name in LANGUAGES for place in places[name]]
    return LanguagePackages(found, unread, places, attempt(_overlooked, answers, looked))


def _overlooked(answers: Answers, looked: Sequence[str]) -> Mapping[str, str]:
    """Folders that are in use and were not looked into, with where that is said.

    A search does not leave the file system that it starts in: what is mounted below a place is a place of its own.
    """
    ignored = [one for expect in answers.wanted if isinstance(expect, LanguageFlaws) for one in expect.ignore_places]
    used = {place: who for place, who in read_used_places(answers).items() if not is_below(place, (*looked, *ignored))}
    targets = dict.fromkeys(mount.target for mount in answers.facts[Mounts].mounts)
    mounted = [one for one in targets if is_below(one, looked) and one not in looked and not is_below(one, ignored)]
    return {**used, **dict.fromkeys(mounted[:_MOST_MOUNTS], "/proc/self/mountinfo")}


def _below(answers: Answers, name: str, place: str) -> Answer | None:
    """The answer about a place; None where the place is not there."""
    below = LANGUAGES[name][2](place)
    there, answer = answers.ended(is_there(place), exits=(0, 1)), answers[below]
    # A folder that may not be entered is not there either for `test`; then `find` was refused.
    if there.exit == 1 and answer.status is AnswerStatus.ENDED and answer.exit == 1 and not answer.stdout:
        return None
    return searched(answers, below) if name == "npm" else answers.ended(below)


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
