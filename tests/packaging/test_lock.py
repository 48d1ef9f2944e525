"""The lock files hold everything that is asked for, each with hashes, and no address of an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNNING = PROJECT["dependencies"]
DEVELOPING = [*RUNNING, *PROJECT["optional-dependencies"]["dev"], *PROJECT["optional-dependencies"]["bench"]]


def locked(name: str) -> dict[str, str]:
    """Each locked distribution with its version."""
    pins = re.finditer(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(found[1]): found[2] for found in pins}


@pytest.mark.parametrize(("name", "wanted"), [("requirements.lock", RUNNING), ("requirements-dev.lock", DEVELOPING)])
def test_what_is_asked_for_is_locked(name: str, wanted: list[str]) -> None:
    versions = locked(name)
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is missing: run make lock"
        assert requirement.specifier.contains(Version(version), prereleases=True), f"{requirement}: run make lock"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_is_a_pinned_version_or_a_hash(name: str) -> None:
    line = re.compile(r"[A-Za-z0-9._-]+==\S+( ;.*?)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|#.*|")
    strange = [text for text in (ROOT / name).read_text().splitlines() if not line.fullmatch(text)]
    assert not strange


def test_both_files_agree() -> None:
    developing = locked("requirements-dev.lock")
    assert {name: developing.get(name) for name in locked("requirements.lock")} == locked("requirements.lock")
