"""The Debian security tracker's JSON: package → CVE → releases (https://security-tracker.debian.org)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .osv import severity_of_word
from .records import AdvisoryRecord, AffectedRange, Count, FeedError, State
from .releases import DEBIAN_CODENAMES

_REASONS = {"ignored": State.IGNORED, "postponed": State.POSTPONED}


def is_tracker(value: object) -> bool:
    """Whether a top-level member looks like a package of the tracker."""
    return isinstance(value, dict) and bool(value) and all(name.startswith(("CVE-", "TEMP-")) for name in value)


def read_tracker(name: str, flaws: Mapping[str, Any], place: str, left_out: Count) -> Iterator[AdvisoryRecord]:
    """The flaws of one source package. The tracker tells neither when a flaw nor when its fix became public.

    Raises FeedError for a member of another form.
    """
    for id_, flaw in flaws.items():
        try:
            # A flaw that concerns no release any more has an empty list there.
            releases = flaw["releases"] or {}
            ranges = []
            words = []
            for codename, told in releases.items():
                found = _range(name, codename, told, left_out)
                if found is not None:
                    ranges.append(found)
                    words.append(told.get("urgency"))
        except (AttributeError, TypeError, KeyError) as error:
            where = f"{place}: {name[:80]}: {id_[:40]}"
            raise FeedError(f"{where}: not of the tracker's form ({type(error).__name__}: {error})") from None
        if ranges:
            severity = next((severity_of_word(word) for word in words if severity_of_word(word)), None)
            yield AdvisoryRecord(id_, severity, None, None, (id_,) if id_.startswith("CVE-") else (), tuple(ranges))


def _range(name: str, codename: str, told: Mapping[str, Any], left_out: Count) -> AffectedRange | None:
    version = DEBIAN_CODENAMES.get(codename)
    if version is None:
        left_out("other release")
        return None
    if told.get("urgency") == "unimportant":
        left_out("unimportant")
        return None
    release, status, fixed = f"debian:{version}", told["status"], told.get("fixed_version", "")
    if status == "resolved":
        if fixed in ("", "0"):
            left_out("not affected")
            return None
        return AffectedRange(release, name, "", fixed, State.FIXED)
    if status == "undetermined":
        return AffectedRange(release, name, "", "", State.UNDETERMINED)
    if status != "open":
        raise KeyError(f"status {status!r}")
    state = _REASONS.get(told.get("nodsa_reason") or "", State.OPEN)
    return AffectedRange(release, name, "", "", state)
