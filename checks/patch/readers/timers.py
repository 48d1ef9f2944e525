"""Reading whether dnf or zypper install updates by themselves: timers of systemd, and what they are told to do."""

from __future__ import annotations

import re

from secaudit.api import Answer, Answers, Command, Unproven, UnprovenKind

from ..facts import AutomaticUpdates, LastAutomaticRun
from ..front_end import FrontEnd
from .stamps import FIND_FORMAT, read_stamps

TIMERS = Command(
    (
        *("systemctl", "list-unit-files", "--plain", "--no-legend", "--no-pager", "--full"),
        *("dnf-automatic.timer", "dnf-automatic-install.timer", "dnf5-automatic.timer", "transactional-update.timer"),
    )
)
DNF_CONF = Command(("grep", "-H", "-n", "-E", "^[[:blank:]]*apply_updates[[:blank:]]*=", "/etc/dnf/automatic.conf"))
# systemd.timer(5), Persistent: the time of the last run is kept in a file for each timer.
STAMPS = Command(
    (
        *("find", "-H", "/var/lib/systemd/timers", "-maxdepth", "1", "-path", "/var/lib/systemd/timers"),
        *("-printf", FIND_FORMAT, "-o", "-name", "stamp-*.timer", "-printf", FIND_FORMAT),
    ),
    refusals=("Permission denied",),
)

_UNIT = re.compile(r"(?P<unit>[\w@.-]+\.timer)\s+(?P<state>[a-z-]+)(?:\s+\S+)?\s*", re.ASCII)
_ENABLED = frozenset({"enabled", "enabled-runtime", "static"})
_APPLIES = re.compile(r".*apply_updates\s*=\s*(?:1|yes|true|on)\s*", re.IGNORECASE)
# The first of each installs by itself, whatever the file of settings says.
_OF_DNF = ("dnf-automatic-install.timer", "dnf-automatic.timer", "dnf5-automatic.timer")
_OF_ZYPPER = ("transactional-update.timer",)
_NO_MATCH = 1


def read_automatic(answers: Answers, program: FrontEnd) -> AutomaticUpdates:
    """What keeps the timers of dnf or zypper from installing updates.

    Raises `Unproven` when systemd does not answer, and where its answer and the settings leave it open.
    """
    units = answers.ended(TIMERS, exits=(0, _NO_MATCH))
    if units.exit != 0 and units.stderr.strip():
        answers.ended(TIMERS)
    states = _states(units)
    enabled = [unit for unit in (_OF_ZYPPER if program == "zypper" else _OF_DNF) if states.get(unit) in _ENABLED]
    if not enabled:
        wanted = _OF_ZYPPER[0] if program == "zypper" else _OF_DNF[0]
        return AutomaticUpdates((f"{wanted} is {states.get(wanted, 'not there')}",), (units.evidence(),))
    if program == "zypper" or _OF_DNF[0] in enabled:
        return AutomaticUpdates((), (units.evidence(),))
    settings = answers.ended(DNF_CONF, exits=(0, _NO_MATCH))
    applies = bool(settings.lines) and _APPLIES.fullmatch(settings.lines[-1]) is not None
    missing = () if applies else ("apply_updates is off in /etc/dnf/automatic.conf",)
    return AutomaticUpdates(missing, (units.evidence(), settings.evidence()))


def read_last_timer(answer: Answer, program: FrontEnd) -> LastAutomaticRun:
    """When one of the timers last started its service. Raises `Unproven` when none ever did."""
    _, stamps = read_stamps(answer)
    wanted = {f"stamp-{unit}" for unit in (_OF_ZYPPER if program == "zypper" else _OF_DNF)}
    ran = [stamp for stamp in stamps if stamp.name in wanted]
    if not ran:
        raise Unproven(UnprovenKind.STALE, "no run has left its stamp", (answer.evidence(),))
    youngest = max(ran, key=lambda stamp: stamp.modified)
    return LastAutomaticRun(youngest.modified, youngest.evidence)


def _states(answer: Answer) -> dict[str, str]:
    states = {}
    for number, line in enumerate(answer.lines, 1):
        found = _UNIT.fullmatch(line[:500])
        if found is None:
            reason = f"line {number} of the list of timers has a form that is not known"
            raise Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(number),))
        states[found["unit"]] = found["state"]
    return states
