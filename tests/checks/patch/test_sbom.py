"""Bills of materials: valid CycloneDX, purls that other scanners match, the same bytes for the same answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL
from secaudit.checks.host.facts import OsRelease, Package, Packages
from secaudit.checks.patch.exposure import expose
from secaudit.checks.patch.sbom.bill import Inventoried, bill_of_materials, purl, written

from tests.checks.judging import AT

from .feeding import advisories, osv
from .given import NOWHERE, packages

BOOKWORM = OsRelease("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)", (), NOWHERE)
ALMA = OsRelease("almalinux", "9.4", "", "AlmaLinux 9.4", ("rhel",), NOWHERE)


def bill(host: Inventoried) -> Any:
    """The bill as other tools read it, after their own schema has passed it."""
    text = written(bill_of_materials(host))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return json.loads(text)


@pytest.mark.parametrize(
    ("package", "manager", "os", "expected"),
    [
        (
            Package("libssl3", "3.0.11-1~deb12u2", "amd64", "openssl", "3.0.11-1~deb12u2"),
            "dpkg",
            BOOKWORM,
            "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl",
        ),
        (
            Package("libgcc-s1", "12.2.0-14", "amd64", "gcc-12", "12.2.0-14+b1"),
            "dpkg",
            BOOKWORM,
            "pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14%2Bb1",
        ),
        (
            Package("openssl-libs", "1:3.0.7-27.el9", "x86_64", "openssl", "1:3.0.7-27.el9"),
            "rpm",
            ALMA,
            "pkg:rpm/almalinux/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=almalinux-9.4&epoch=1&upstream=openssl",
        ),
        (Package("musl", "1.2.4-r2", "x86_64", "musl", "1.2.4-r2"), "apk", None, "pkg:apk/musl@1.2.4-r2?arch=x86_64"),
    ],
)
def test_purls_are_those_that_scanners_match(
    package: Package, manager: str, os: OsRelease | None, expected: str
) -> None:
    assert purl(package, manager, os) == PackageURL.from_string(expected)


def test_a_bill_names_every_package_and_the_system() -> None:
    found = bill(Inventoried("muster/web1", AT, BOOKWORM, packages(("zip", "3.0-13"), ("openssl", "3.0.11-1"))))
    assert [(part["name"], part["version"]) for part in found["components"]] == [
        ("openssl", "3.0.11-1"),
        ("zip", "3.0-13"),
    ]
    host = found["metadata"]["component"]
    assert (host["name"], host["components"][0]["version"]) == ("muster/web1", "12")
    assert "vulnerabilities" not in found


def test_vulnerabilities_point_at_the_packages_that_have_them(tmp_path: Path) -> None:
    known = advisories(
        tmp_path, osv("DSA-1-1", "openssl", "3.0.11-2", cves=["CVE-2026-1000"]), osv("CVE-2026-7", "zip")
    )
    installed = packages(
        ("libssl3", "3.0.11-1"), ("openssl", "3.0.11-1"), ("zip", "3.0-13"), sources={"libssl3": "openssl"}
    )
    found = bill(Inventoried("muster/web1", AT, BOOKWORM, installed, expose(installed, known)))
    fixed, unfixed = sorted(found["vulnerabilities"], key=lambda one: str(one["id"]), reverse=True)
    assert (fixed["id"], fixed["recommendation"]) == ("DSA-1-1", "Upgrade to 3.0.11-2")
    assert [PackageURL.from_string(one["ref"]).name for one in fixed["affects"]] == ["libssl3", "openssl"]
    assert fixed["analysis"]["response"] == ["update"]
    assert unfixed["id"] == "CVE-2026-7"
    assert "recommendation" not in unfixed
    references = {part["bom-ref"] for part in found["components"]}
    assert {one["ref"] for flaw in found["vulnerabilities"] for one in flaw["affects"]} <= references
    assert any("feed" in one["name"] for one in found["metadata"]["properties"])


def test_the_same_answers_give_the_same_bytes_and_others_another_serial() -> None:
    host = Inventoried("muster/web1", AT, BOOKWORM, packages(("zip", "3.0-13"), ("openssl", "3.0.11-1")))
    assert written(bill_of_materials(host)) == written(bill_of_materials(host))
    later = bill(replace(host, at=AT + timedelta(days=1)))
    assert later["serialNumber"] != bill(host)["serialNumber"]


def test_xml_says_the_same() -> None:
    host = Inventoried("muster/web1", AT, ALMA, packages(("bash", "5.1.8-9.el9"), ("zip", "3.0-35"), manager="rpm"))
    root = ET.fromstring(written(bill_of_materials(host), xml=True))
    in_cyclonedx = {"c": "http://cyclonedx.org/schema/bom/1.6"}
    purls = [found.text for found in root.findall("c:components/c:component/c:purl", in_cyclonedx)]
    assert purls == [part["purl"] for part in bill(host)["components"]]


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_whatever_a_host_calls_its_packages_the_bill_stays_valid(name: str, version: str) -> None:
    installed = Packages("dpkg", (Package(name, version, "amd64", name, version),), NOWHERE)
    found = bill(Inventoried("muster/web1", AT, BOOKWORM, installed))
    assert not any(
        ord(character) < 32 or 0x202A <= ord(character) <= 0x202E for character in found["components"][0]["name"]
    )
