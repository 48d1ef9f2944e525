"""OSV records (https://ossf.github.io/osv-schema/, major version 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secaudit.api import Severity

from .cvss import base_score, severity_of_score
from .records import AdvisoryRecord, AffectedRange, Count, FeedError, State, moment
from .releases import release_of_ecosystem

_CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.ASCII)
# Advisories of distributions: published together with the fix. Other records are about the flaw.
_ADVISORY = re.compile(r"(?:DSA|DLA|USN|LSN|ALSA|RLSA|RXSA|RHSA|SUSE-SU|openSUSE-SU|ELSA)-", re.ASCII)
# Updates that repair no flaw: bug fixes and enhancements of the rebuilds of Red Hat's distribution.
_NO_SECURITY = re.compile(r"(?:ALBA|ALEA|RLBA|RLEA|RHBA|RHEA)-", re.ASCII)
_MODULE = ".module"
# The rebuilds of Red Hat's distribution name the stream in the title only: "Important: nodejs:18 security update".
_STREAM = re.compile(r"(?<![\w.:+-])[A-Za-z][\w.+-]*:[\w.+-]*\w", re.ASCII)
_WORDS = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.LOW,
}


def severity_of_word(word: object) -> Severity | None:
    """What a vendor calls it, in our terms; None for a word that states none."""
    return _WORDS.get(word.strip("* ").lower()) if isinstance(word, str) else None


def read_osv(record: Mapping[str, Any], place: str, left_out: Count) -> AdvisoryRecord | None:
    """A record, None when it is left out: withdrawn, no security update, or about no release of ours.

    Raises FeedError for a record of another schema or with contradictory ranges; `place` begins its text.
    """
    version = record.get("schema_version", "1.0.0")
    if not isinstance(version, str) or not version.startswith("1."):
        raise FeedError(f"{place}: schema version {str(version)[:20]!r}; versions 1.x can be read")
    id_ = record.get("id")
    if not isinstance(id_, str) or not id_:
        raise FeedError(f"{place}: the record has no id")
    place = f"{place}: {id_[:80]}"
    if record.get("withdrawn"):
        left_out("withdrawn")
        return None
    if _NO_SECURITY.match(id_):
        left_out("no security update")
        return None
    affected = record.get("affected") or ()
    try:
        ranges: list[AffectedRange] = []
        for one in affected:
            _add_ranges(ranges, one, place, left_out)
        severity = _severity(record, affected)
        cves = _cves(id_, record)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise FeedError(f"{place}: not of the form of an OSV record ({type(error).__name__}: {error})") from None
    if not ranges:
        return None
    published = moment(record.get("published"), place)
    changed = moment(record.get("modified"), place)
    released = published if _ADVISORY.match(id_) else None
    return AdvisoryRecord(id_, severity, published, released, cves, tuple(ranges), changed, _streams(record, ranges))


def _streams(record: Mapping[str, Any], ranges: Sequence[AffectedRange]) -> tuple[str, ...]:
    """The module streams that a title names; none for what repairs no build of a module."""
    if not any(_MODULE in one.fixed for one in ranges):
        return ()
    return tuple(dict.fromkeys(_STREAM.findall(str(record.get("summary") or "")[:500])))


def _add_ranges(ranges: list[AffectedRange], affected: Mapping[str, Any], place: str, left_out: Count) -> None:
    package = affected.get("package")
    if package is None:
        left_out("no package")
        return
    found = release_of_ecosystem(package["ecosystem"])
    if found is None:
        left_out("other ecosystem")
        return
    release, channel = found
    name = package["name"]
    specific = affected.get("ecosystem_specific") or {}
    if specific.get("urgency") == "unimportant":
        left_out("unimportant")
        return
    ordered = [one["events"] for one in affected.get("ranges") or () if one["type"] in ("ECOSYSTEM", "SEMVER")]
    if not ordered:
        ranges.append(AffectedRange(release, name, "", "", State.UNREADABLE, channel))
    for events in ordered:
        ranges.extend(_pairs(events, release, name, channel, place))


def _pairs(
    events: list[Mapping[str, str]], release: str, name: str, channel: str, place: str
) -> Iterator[AffectedRange]:
    """Events as pairs: each version that introduces the flaw is answered by one that ends it, or by none."""
    introduced: str | None = None
    for event in events:
        ((kind, version),) = event.items()
        if kind == "introduced":
            if introduced is not None:
                raise FeedError(f"{place}: {name}: introduced twice without an end in between")
            introduced = "" if version == "0" else version
        elif kind in ("fixed", "last_affected"):
            if introduced is None:
                raise FeedError(f"{place}: {name}: {kind} {version!r} without a version that introduced it")
            # Debian and Alpine write version 0 for a release that never had the flaw.
            if version != "0":
                last = kind == "last_affected"
                yield AffectedRange(
                    release, name, introduced, version, State.OPEN if last else State.FIXED, channel, last
                )
            introduced = None
    if introduced is not None:
        yield AffectedRange(release, name, introduced, "", State.OPEN, channel)


def _severity(record: Mapping[str, Any], affected: Sequence[Mapping[str, Any]]) -> Severity | None:
    """The vendor's own word before a score: it knows how the package is built and used."""
    scores = record.get("severity") or ()
    words = [one["score"] for one in scores if one.get("type") == "Ubuntu"]
    words += [(one.get("ecosystem_specific") or {}).get("urgency") for one in affected[:1]]
    words += [(record.get("database_specific") or {}).get("severity")]
    words += [str(record.get("summary", "")).partition(":")[0]]
    for word in words:
        severity = severity_of_word(word)
        if severity is not None:
            return severity
    rated = [score for one in scores if (score := base_score(str(one.get("score", "")))) is not None]
    return severity_of_score(max(rated)) if rated else None


def _cves(id_: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    named = [id_, *(record.get("aliases") or ()), *(record.get("upstream") or ()), *(record.get("related") or ())]
    found = [match[0] for text in named if (match := _CVE.search(text))]
    # AlmaLinux names the CVEs of older advisories only in the addresses of its references.
    addresses = [reference["url"] for reference in record.get("references") or ()] if not found else []
    found += [match[0] for url in addresses if (match := _CVE.search(url))]
    return tuple(dict.fromkeys(found))
