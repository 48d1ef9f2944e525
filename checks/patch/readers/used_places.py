"""Folders that services run from and web servers serve: where applications lie, whatever the usual places are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import PurePosixPath

from secaudit.api import MIB, Answer, Answers, Command

# Starts at folders that every system has, and goes into those of units, supervisors and web servers only; keys are none
# of its business. Read from the disk: what is declared counts, whether it runs at this moment or not.
_WORDS = (
    "^[[:space:]]*((ExecStart|WorkingDirectory|command|directory)[[:space:]]*=|"
    "(root|DocumentRoot|WSGIScriptAlias|WSGIDaemonProcess|PassengerAppRoot|passenger_app_root)[[:space:]])"
)
DECLARED = Command(
    (
        *("find", "-H", "/etc", "/usr/lib", "-path", "/*/*", "!", "-path", "/usr/lib", "!", "-path", "/*/systemd"),
        *("!", "-path", "/*/systemd/system", "!", "-path", "/*/systemd/system/*", "!", "-path", "/etc/nginx*"),
        *("!", "-path", "/etc/apache2*", "!", "-path", "/etc/httpd*", "!", "-path", "/etc/supervisor*", "-prune"),
        *("-o", "-type", "d", "(", "-name", "ssl", "-o", "-name", "private", ")", "-prune"),
        *("-o", "-type", "f", "-exec", "grep", "-H", "-I", "-i", "-E", _WORDS, "{}", "+"),
    ),
    refusals=("Permission denied",),
    timeout=timedelta(seconds=60),
    limit=8 * MIB,
)

_MOST = 50
_LINE = re.compile(r"(?P<file>/[^:]+):(?P<text>.*)", re.DOTALL)
_FOLDER = re.compile(r"\s*(?:WorkingDirectory|directory)\s*=\s*[!-]*(?P<path>/\S*)", re.IGNORECASE)
_STARTED = re.compile(r"\s*(?:ExecStart|command)\s*=\s*[@:+!-]*(?P<command>/.*)", re.IGNORECASE)
_SCRIPT = re.compile(r"[\"']?(?P<path>/[^\s\"']+\.(?:py|pyz|wsgi|js|mjs|cjs|ts))[\"']?")
_ROOT = re.compile(
    r"\s*(?:root|DocumentRoot|PassengerAppRoot|passenger_app_root)\s+[\"']?(?P<path>/[^\"';\s]+)", re.IGNORECASE
)
_ALIAS = re.compile(r"\s*WSGIScriptAlias\s+\S+\s+[\"']?(?P<path>/[^\"'\s]+)", re.IGNORECASE)
_HOME = re.compile(r"\s*WSGIDaemonProcess\s.*?\bpython-home=[\"']?(?P<path>/[^\"'\s]+)", re.IGNORECASE)
# What the distribution's own packages put there, or what is no application.
_SYSTEM = (
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share", "/usr/games"),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/run", "/proc", "/sys", "/dev", "/boot", "/snap"),
    *("/var/run", "/var/log", "/var/cache", "/var/spool"),
)
_DATA = ("/var/lib", "/root")
"""Where services have their data: a service that merely works there runs nothing from there."""


def is_below(path: str, places: Iterable[str]) -> bool:
    """Whether a path is one of the places, or below one."""
    return any(f"{path.rstrip('/')}/".startswith(f"{place.rstrip('/')}/") for place in places)


def searched(answers: Answers, request: Command) -> Answer:
    """The answer of a find(1) that runs grep(1): it ends with 1, and says nothing, where a grep found nothing."""
    return answers.ended(request, exits=(0,) if answers[request].stderr.strip() else (0, 1))


def read_used_places(answers: Answers) -> Mapping[str, str]:
    """The folders outside of the system's own that are in use, each with the first file that says so.

    A folder is named by its first two parts (`/data/shop`): below it the application may have any form.
    """
    found: dict[str, str] = {}
    for line in searched(answers, DECLARED).lines:
        told = _LINE.fullmatch(line)
        for path in _paths(told["text"]) if told else ():
            if "$" in path or "%" in path or ".." in path or is_below(path, _SYSTEM):
                continue
            place = "/".join(PurePosixPath(path).parts[:3]).replace("//", "/")
            if told and place != "/" and len(found) < _MOST:
                found.setdefault(place, told["file"])
    return found


def _paths(text: str) -> Iterator[str]:
    """The folders of a line: worked in, served, or with the programs and scripts that are started."""
    for pattern in (_FOLDER, _ROOT, _HOME):
        found = pattern.match(text)
        if found is not None and not (pattern is _FOLDER and is_below(found["path"], _DATA)):
            yield found["path"]
    alias, started = _ALIAS.match(text), _STARTED.match(text)
    if alias is not None:
        yield str(PurePosixPath(alias["path"]).parent)
    if started is not None:
        program, *others = started["command"].split()
        scripts = (found["path"] for one in others if (found := _SCRIPT.fullmatch(one)) is not None)
        for path in (program, *scripts):
            yield str(PurePosixPath(path).parent)
