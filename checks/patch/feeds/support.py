"""Until when distributions support their releases: distro-info's tables and the products of endoflife.date."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import PurePath
from typing import Any, NamedTuple

from .records import Count, Dated, FeedError, Record, SupportRecord, day, moment

_DISTRO_INFO = ("version", "codename", "series", "created", "release", "eol")


class _Extension(NamedTuple):
    """A longer support: what it is called, and whether a host gets it only when it is enrolled."""

    name: str
    subscription: bool = True


_EXTENSIONS: Mapping[str, _Extension] = {
    "debian": _Extension("Debian LTS", subscription=False),
    "ubuntu": _Extension("Ubuntu Pro (ESM)"),
    "rhel": _Extension("Red Hat Extended Life Cycle Support"),
    "ol": _Extension("Oracle Extended Support"),
    "sles": _Extension("SUSE LTSS"),
}

# endoflife.date's names of products, where os-release(5) has another `ID`.
_PRODUCTS: Mapping[str, str] = {
    "debian": "debian",
    "ubuntu": "ubuntu",
    "rhel": "rhel",
    "almalinux": "almalinux",
    "rocky-linux": "rocky",
    "centos": "centos",
    "alpine": "alpine",
    "alpine-linux": "alpine",
    "fedora": "fedora",
    "opensuse": "opensuse-leap",
    "oracle-linux": "ol",
    "sles": "sles",
    "amazon-linux": "amzn",
}


MINOR_ENDS = frozenset({"almalinux", "rocky", "rhel"})
"""Distributions whose minor releases get no updates any more once the next one is out."""

_MINOR = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)


def is_distro_info(head: str) -> bool:
    """Whether the first line of a CSV file is that of a table of distro-info."""
    return tuple(head.strip().split(",")[: len(_DISTRO_INFO)]) == _DISTRO_INFO


def read_distro_info(lines: Iterable[str], place: str, left_out: Count) -> Iterator[Record]:
    """Debian's or Ubuntu's table, told by its columns. Raises FeedError for another one and contradictory dates."""
    rows = csv.DictReader(lines)
    columns = rows.fieldnames or ()
    if "eol-lts" in columns:
        distribution, longer = "debian", "eol-lts"
    elif "eol-esm" in columns:
        distribution, longer = "ubuntu", "eol-esm"
    else:
        raise FeedError(f"{place}: neither Debian's table (column eol-lts) nor Ubuntu's (column eol-esm)")
    for row in rows:
        where = f"{place}: line {rows.line_num}"
        release = (row["version"] or "").split()
        if not release or not row["eol"]:
            left_out("no end announced")
            continue
        extended = day(row[longer], where) if row[longer] else None
        yield _record(distribution, release[0], day(row["eol"], where), extended, where)


def is_endoflife(document: Any) -> bool:
    """Whether a JSON document is an answer of endoflife.date: API v1 (an object), or the older one (a list)."""
    if isinstance(document, list):
        return bool(document) and all(isinstance(one, Mapping) and "cycle" in one for one in document)
    return isinstance(document, Mapping) and isinstance(document.get("result"), Mapping | list)


def read_endoflife(document: Any, place: str, left_out: Count) -> Iterator[Record]:
    """One product, or many (`/api/v1/products/full`). Raises FeedError for what is not understood.

    The older API does not name the product: its file has to be called after it, as in `debian.json`.
    """
    try:
        if isinstance(document, list):
            name = PurePath(place.rpartition(" ")[2]).name.removesuffix(".gz").removesuffix(".json")
            yield from _product(name, document, ("cycle", "eol", "extendedSupport"), place, left_out)
            return
        version = str(document.get("schema_version", ""))
        if not version.startswith("1."):
            raise FeedError(f"{place}: schema version {version[:20]!r}; versions 1.x can be read")
        generated = moment(document.get("generated_at"), place)
        if generated is not None:
            yield Dated(generated)
        result = document["result"]
        for product in result if isinstance(result, list) else [result]:
            releases = product["releases"]
            yield from _product(product["name"], releases, ("name", "eolFrom", "eoesFrom"), place, left_out)
    except (AttributeError, TypeError, KeyError) as error:
        raise FeedError(f"{place}: not of endoflife.date's form ({type(error).__name__}: {error})") from None


def _product(
    name: str, releases: Iterable[Mapping[str, Any]], keys: tuple[str, str, str], place: str, left_out: Count
) -> Iterator[Record]:
    distribution = _PRODUCTS.get(name)
    if distribution is None:
        left_out("other product")
        return
    cycle, end, longer = keys
    for release in releases:
        where = f"{place}: {name} {str(release[cycle])[:40]}"
        if not isinstance(release.get(end), str):
            left_out("no end announced")
            continue
        told = release.get(longer)
        extended = day(told, where) if isinstance(told, str) else None
        record = _record(distribution, str(release[cycle]), day(release[end], where), extended, where)
        yield _with_newest_minor(record, release, where) if distribution in MINOR_ENDS else record


def _with_newest_minor(record: SupportRecord, release: Mapping[str, Any], where: str) -> SupportRecord:
    """The record with the newest minor release, which both APIs call `latest`, when the release names it."""
    latest = release.get("latest")
    version, since = (
        (latest.get("name"), latest.get("date"))
        if isinstance(latest, Mapping)
        else (latest, release.get("latestReleaseDate"))
    )
    found = _MINOR.fullmatch(str(version or ""))
    if found is None or since is None:
        return record
    if found[1] != record.release:
        raise FeedError(f"{where}: its newest release {found[0]} is one of another major release")
    return record._replace(minor=int(found[2]), since=day(since, where))


def _record(distribution: str, release: str, until: date, extended: date | None, place: str) -> SupportRecord:
    if extended is not None and extended < until:
        raise FeedError(f"{place}: the longer support ends on {extended}, before the support itself ({until})")
    if extended is None or extended == until:
        return SupportRecord(distribution, release, until, None, "", subscription=False)
    extension = _EXTENSIONS.get(distribution, _Extension("extended support"))
    return SupportRecord(distribution, release, until, extended, extension.name, extension.subscription)
