"""The remedy of an unproven result is what settles it, not what would fix a failure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secaudit.api.translation import catalogue
from secaudit.engine import settling as module
from secaudit.engine.settling import settling
from secaudit.model.evidence import Evidence
from secaudit.model.inventory import Host
from secaudit.model.outcome import UnprovenKind
from secaudit.model.phrasebook import Phrasebook
from secaudit.model.request import Command, PortScan, Request

HOST = Host("muster", "vienna", "web1", "10.20.0.11")
NFT = Command(("/usr/sbin/nft", "-j", "list", "ruleset"), root=True)
SS = Command(("ss", "-Hlnt"))
SCAN = PortScan()


def told(kind: UnprovenKind, request: Request | None = None, host: Host = HOST) -> str:
    evidence = () if request is None else (Evidence(request.key, 1, None, ""),)
    return settling(kind, evidence, host, (NFT, SS, SCAN))


def test_a_denied_root_command_names_its_line_for_sudoers() -> None:
    assert told(UnprovenKind.DENIED, NFT).endswith("\naudit ALL=(root) NOPASSWD: /usr/sbin/nft -j list ruleset")
    other = replace(HOST, ssh=replace(HOST.ssh, user="scout"))
    assert "\nscout ALL=(root)" in told(UnprovenKind.DENIED, NFT, other)


def test_what_is_missing_is_named() -> None:
    assert "Install `ss` on the host" in told(UnprovenKind.MISSING, SS)
    assert told(UnprovenKind.MISSING, SCAN).startswith("Install nmap on the machine that scans")
    assert "`sudo /usr/sbin/nft -j list ruleset`" in told(UnprovenKind.ERROR, NFT)


@pytest.mark.parametrize("request_", [None, NFT, SS, SCAN])
@pytest.mark.parametrize("kind", UnprovenKind)
def test_every_kind_has_one_in_both_languages(kind: UnprovenKind, request_: Request | None) -> None:
    english = told(kind, request_)
    assert english
    assert "{" not in english
    german = Phrasebook.of(catalogue("secaudit.engine", "engine", "de")).told(english)
    assert german != english
    assert ("audit ALL=(root) NOPASSWD: /usr/sbin/nft" in german) == ("NOPASSWD" in english)


def test_evidence_that_nobody_asked_for_is_no_command() -> None:
    evidence = (Evidence("/etc/passwd", None, None, ""),)
    assert settling(UnprovenKind.ERROR, evidence, HOST, (NFT,)) == told(UnprovenKind.ERROR)
    assert settling(None, (), HOST, ()) == ""
    assert module.USUAL_ACCOUNT == "audit"
