"""CSAF 2.0 advisories and VEX documents as Red Hat publishes them (OASIS CSAF 2.0, sections 3.2 and 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from packageurl import PackageURL

from secaudit.api import Severity

from .osv import severity_of_word
from .records import AdvisoryRecord, AffectedRange, Count, Dated, FeedError, Record, State, StatementRecord, moment
from .vex import statement

_PLATFORM = re.compile(
    r"cpe:/[ao]:redhat:(?P<product>enterprise_linux|rhel_[a-z0-9]+):(?P<version>\d+)(?:\.\d+)?(?::.*)?"
)
# `sudo-0:1.9.5p2-10.el9_3.x86_64`, and of a module `ruby-2.5.9-1.module+el8.9.0.x86_64.rpm-ruby:2.5` or `…::ruby:2.5`
_PACKAGE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)-(?P<version>(?:\d+:)?[^-:\s]+-[^-:\s]+)\.(?P<arch>(?!rpm\b)[a-z0-9_]+)"
    r"(?:(?:\.rpm)?(?:-|::)(?P<stream>[^\s:/]+:[^\s:/]+))?(?:\.rpm)?"
)
# `nodejs:18/nodejs`, and a module itself: `nodejs:18:8090020231004:a75119d5`
_IN_MODULE = re.compile(r"(?P<stream>[^\s:/]+:[^\s:/]+)/(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)", re.ASCII)
_MODULE_ITSELF = re.compile(r"(?P<stream>[^\s:/]+:[^\s:/]+)(?::\d+:[0-9a-f]+)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_UNFIXED = {"no_fix_planned": State.WILL_NOT_FIX, "none_available": State.OPEN, "workaround": State.OPEN}


def is_csaf(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document is CSAF."""
    head = document.get("document")
    return isinstance(head, dict) and "csaf_version" in head


def read_csaf(document: Mapping[str, Any], place: str, left_out: Count) -> Iterator[Record]:
    """An advisory, or the flaw of a VEX document, and what the latter states to be not affected.

    Of a VEX document that is about a release of ours the moment comes too, even when it states nothing (any more).
    Raises FeedError for another version or form.
    """
    head = document["document"]
    if head["csaf_version"] != "2.0":
        raise FeedError(f"{place}: CSAF version {str(head['csaf_version'])[:20]!r}; version 2.0 can be read")
    try:
        tracking = head["tracking"]
        id_ = tracking["id"]
        place = f"{place}: {id_[:80]}"
        # Documents that are only information have none; whole archives hold some.
        products = _Products(document.get("product_tree") or {})
        flaws = document.get("vulnerabilities") or ()
        is_vex = head["category"] == "csaf_vex"
        ranges = {found: None for flaw in flaws for found in _ranges(flaw, products, left_out)}
        published = moment(tracking["initial_release_date"], place)
        changed = moment(tracking["current_release_date"], place)
        is_advisory = head["category"] == "csaf_security_advisory"
        severity = severity_of_word((head.get("aggregate_severity") or {}).get("text")) or _impact(flaws)
        released = published if is_advisory else _fix_date(flaws, place)
        cves = tuple(dict.fromkeys(flaw["cve"] for flaw in flaws if "cve" in flaw))
        author = str((head.get("publisher") or {}).get("name") or "an unnamed publisher")
        at = changed or published
        if is_vex and at is None:
            raise FeedError(f"{place}: no time at which it was stated")
        cleared = (
            [found for flaw in flaws for found in _not_affected(flaw, products, author, at)] if is_vex and at else []
        )
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise FeedError(f"{place}: not of the form of CSAF 2.0 ({type(error).__name__}: {error})") from None
    if ranges:
        yield AdvisoryRecord(id_, severity, published, released, cves, tuple(ranges), changed)
    if is_vex and at is not None and (ranges or cleared):
        yield Dated(at)
    yield from cleared


class _Named(NamedTuple):
    """A package as a document means it; what is empty it leaves open."""

    name: str
    version: str = ""
    architecture: str = ""
    stream: str = ""


class _Products:
    """Which release and package a product id stands for."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._platforms: dict[str, tuple[str, str]] = {}
        self._purls: dict[str, str] = {}
        branches = list(tree.get("branches") or ())
        while branches:
            branch = branches.pop()
            branches += branch.get("branches") or ()
            product = branch.get("product") or {}
            helper = product.get("product_identification_helper") or {}
            found = _PLATFORM.fullmatch(helper.get("cpe", ""))
            if found is not None:
                channel = "" if found["product"] == "enterprise_linux" else found["product"].removeprefix("rhel_")
                self._platforms[product["product_id"]] = f"rhel:{found['version']}", channel
            if "purl" in helper:
                self._purls[product["product_id"]] = helper["purl"]
        self._parts = {
            one["full_product_name"]["product_id"]: (one["relates_to_product_reference"], one["product_reference"])
            for one in tree.get("relationships") or ()
        }

    def find(self, product: str) -> tuple[str, str, str] | None:
        """Release, channel and the package's own id; None for a product that is no package of a release of ours."""
        within, package = self._parts.get(product, ("", ""))
        platform = self._platforms.get(within) or self._platforms.get(self._parts.get(within, ("", ""))[0])
        return None if platform is None else (*platform, package)

    def package(self, product: str, package: str) -> _Named | None:
        """The package behind its own id, as part of a product; None for what is no rpm: an image, a module itself.

        A package of a module is named with it, or is a part of the module, which is a part of the release.
        """
        module = self._parts.get(self._parts.get(product, ("", ""))[0], ("", ""))[1]
        outer = _MODULE_ITSELF.fullmatch(module)
        stream = outer["stream"] if outer else ""
        named = _of_purl(self._purls[package]) if package in self._purls else _of_id(package)
        if named is None or (named.stream and package == named.stream):
            return None
        return named if named.stream else named._replace(stream=stream)


def _of_purl(text: str) -> _Named | None:
    try:
        purl = PackageURL.from_string(text)
    except ValueError:
        return None
    if purl.type != "rpm":
        return None
    told: Mapping[str, str] = dict(purl.qualifiers)
    module = _MODULE_ITSELF.match(told.get("rpmmod", ""))
    stream = module["stream"] if module else ""
    version = purl.version or ""
    # Red Hat writes the stream as the version of what is affected in each of its builds: php@8.2?rpmmod=php:8.2
    if "-" not in version:
        version = ""
    if version and told.get("epoch", "0") != "0":
        version = f"{told['epoch']}:{version}"
    return _Named(purl.name, version, told.get("arch", ""), stream)


def _of_id(package: str) -> _Named | None:
    """Documents whose products have no purl, and those of the years before."""
    parts = _PACKAGE.fullmatch(package)
    if parts is not None:
        return _Named(parts["name"], parts["version"].removeprefix("0:"), parts["arch"], parts["stream"] or "")
    inside = _IN_MODULE.fullmatch(package)
    if inside is not None:
        return _Named(inside["name"], stream=inside["stream"])
    return _Named(package) if _NAME.fullmatch(package) else None


def _ranges(flaw: Mapping[str, Any], products: _Products, left_out: Count) -> Iterator[AffectedRange]:
    """What is repaired, by binary package, and what is not, mostly by source package."""
    status = flaw.get("product_status") or {}
    for product in status.get("fixed") or ():
        release, channel, named = _affected(product, products, left_out)
        if named is None:
            continue
        if not named.version:
            left_out("fixed without a version")
        elif named.architecture != "src" and not named.name.endswith(("-debuginfo", "-debugsource")):
            fixed = State.FIXED
            yield AffectedRange(release, named.name, "", named.version, fixed, channel, stream=named.stream)
    states = {
        product: _UNFIXED[remediation["category"]]
        for remediation in flaw.get("remediations") or ()
        if remediation["category"] in _UNFIXED
        for product in remediation.get("product_ids") or ()
    }
    for status_of, otherwise in (("known_affected", State.OPEN), ("under_investigation", State.UNDETERMINED)):
        for product in status.get(status_of) or ():
            release, channel, named = _affected(product, products, left_out)
            if named is not None:
                state = states.get(product, otherwise) if otherwise is State.OPEN else otherwise
                yield AffectedRange(release, named.name, "", "", state, channel, stream=named.stream)


def _affected(product: str, products: _Products, left_out: Count) -> tuple[str, str, _Named | None]:
    found = products.find(product)
    if found is None:
        left_out("other product")
        return "", "", None
    release, channel, package = found
    named = products.package(product, package)
    if named is None:
        left_out("no package")
    return release, channel, named


def _not_affected(flaw: Mapping[str, Any], products: _Products, author: str, at: datetime) -> Iterator[StatementRecord]:
    """Of packages that the document names without a version, architecture or module: those it means as a whole.

    What needs a subscription is left out: a host does not tell that it has one.
    """
    reasons = {
        product: str(flag["label"]).replace("_", " ")
        for flag in flaw.get("flags") or ()
        for product in flag.get("product_ids") or ()
    }
    for product in (flaw.get("product_status") or {}).get("known_not_affected") or ():
        found = products.find(product)
        if found is None or found[1] or not _NAME.fullmatch(found[2]) or "cve" not in flaw:
            continue
        purl = f"pkg:rpm/redhat/{found[2].replace('+', '%2B')}?distro=rhel-{found[0].partition(':')[2]}"
        yield statement([flaw["cve"]], purl, "not_affected", reasons.get(product, "known not affected"), author, at)


def _impact(flaws: Sequence[Mapping[str, Any]]) -> Severity | None:
    told = [severity_of_word(threat.get("details")) for flaw in flaws for threat in flaw.get("threats") or ()]
    worst = [severity for severity in Severity if severity in told]
    return worst[-1] if worst else None


def _fix_date(flaws: Sequence[Mapping[str, Any]], place: str) -> datetime | None:
    dates = [
        moment(remediation.get("date"), place)
        for flaw in flaws
        for remediation in flaw.get("remediations") or ()
        if remediation["category"] == "vendor_fix"
    ]
    known = [one for one in dates if one is not None]
    return max(known) if known else None
