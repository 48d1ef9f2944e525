"""Fixtures for tests that need hosts; import them by name into a conftest.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.lab import lab
from tests.lab.lab import Lab, Planned
from tests.lab.scenarios import SCENARIOS

PROGRAMS = ("apt-get", "ip", "mmdebstrap", "nsenter", "pivot_root", "unshare")

StartLab = Callable[[Mapping[str, str]], Lab]


def missing() -> str:
    """Why there can be no lab on this machine; empty when there can be one."""
    if os.geteuid() != 0:
        return "the lab needs root"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"the lab needs {', '.join(absent)}" if absent else ""


@pytest.fixture(scope="session")
def start_lab() -> Iterator[StartLab]:
    """Starts labs, from host name → scenario name; they end with the session.

    Where there can be no lab the test is skipped, or fails when the environment variable CI is set.
    """
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with ExitStack() as labs:

        def start(hosts: Mapping[str, str]) -> Lab:
            plan = [Planned(name, SCENARIOS[scenario]) for name, scenario in hosts.items()]
            return labs.enter_context(lab.running(plan))

        yield start


@pytest.fixture(scope="session")
def clean_lab(start_lab: StartLab) -> Lab:
    """Two hardened hosts, `clean1` and `clean2`; tests must leave them as they were."""
    return start_lab({"clean1": "clean", "clean2": "clean"})
