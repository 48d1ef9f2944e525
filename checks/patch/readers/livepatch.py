"""Reading whether the running kernel was repaired without a reboot: Canonical Livepatch, kpatch, the kernel itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from secaudit.api import Answers, AnswerStatus, Command, Evidence, Unproven, UnprovenKind
from secaudit.model.safe_text import visible_line

from ..facts import LivePatch, LivePatches
from .lines import at_line, match_line

# The kernel lists every loaded patch, whoever made it: Documentation/ABI/testing/sysfs-kernel-livepatch. Where it was
# built without, there is no such folder; the line of /proc/version says that the question was asked at all.
LOADED = Command(
    (
        *("grep", "-r", "-s", "-H", "--include=enabled", "--include=transition", "--include=version", ""),
        *("/proc/version", "/sys/kernel/livepatch"),
    )
)
CANONICAL = Command(("canonical-livepatch", "status", "--format", "json"))

_VALUE = re.compile(r"/sys/kernel/livepatch/(?P<patch>[^/:]+)/(?P<key>enabled|transition):(?P<value>[01])", re.ASCII)
_APPLIED = frozenset({"applied", "nothing-to-apply"})
_NO_FOLDER = 2


def read_live_patches(answers: Answers) -> LivePatches:
    """The patches that are in force: enabled, and no task runs the old code any more.

    `current` is what Canonical's client says about the running kernel: True that its newest patch is applied (or that
    none is needed), None where nobody says. Raises `Unproven` when the kernel could not be asked.
    """
    answer = answers.ended(LOADED, exits=(0, _NO_FOLDER))
    values: dict[str, dict[str, str]] = {}
    where: dict[str, Evidence] = {}
    asked = False
    for number, line in enumerate(answer.lines, 1):
        asked = asked or line.startswith("/proc/version:")
        found = match_line(_VALUE, line)
        if found is not None:
            values.setdefault(found["patch"], {})[found["key"]] = found["value"]
            where.setdefault(found["patch"], at_line(answer, number, line))
    if not asked:
        raise Unproven(UnprovenKind.NOT_UNDERSTOOD, "what is below /proc and /sys is not shown", (answer.evidence(),))
    patches = tuple(
        LivePatch(name, where[name])
        for name, state in values.items()
        if state.get("enabled") == "1" and state.get("transition", "0") == "0"
    )
    current, evidence = _canonical(answers)
    return LivePatches(patches, current, (answer.evidence(), *evidence))


@dataclass(frozen=True, slots=True)
class PatchedInstead:
    """What repairs the running kernel, in words, and the evidence."""

    shown: str
    evidence: tuple[Evidence, ...]


def patched_instead(known: LivePatches | Unproven) -> PatchedInstead | None:
    """The live patches that can stand for a reboot; None without any, and when they are known not to be the newest."""
    if isinstance(known, Unproven) or known.current is False or not (known.patches or known.current):
        return None
    shown = ", ".join(visible_line(patch.name) for patch in known.patches) or "the vendor says that none is needed"
    return PatchedInstead(shown, known.evidence)


def _canonical(answers: Answers) -> tuple[bool | None, tuple[Evidence, ...]]:
    """What the client says. None without one, and where its answer cannot be understood: it is a bonus, no proof."""
    answer = answers[CANONICAL]
    if answer.status is not AnswerStatus.ENDED or answer.exit != 0 or answer.truncated:
        return None, ()
    try:
        found: Any = json.loads(answer.text)
        running = [one for one in found["Status"] if one.get("Running") is True]
        states = [(one["Livepatch"]["State"], one["Livepatch"]["CheckState"]) for one in running]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, (answer.evidence(),)
    if not states:
        return None, (answer.evidence(),)
    return all(state in _APPLIED and check == "checked" for state, check in states), (answer.evidence(),)
