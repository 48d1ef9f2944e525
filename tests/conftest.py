"""What holds for all tests: no property depends on the load of the machine, and what markers mean.

A test that this machine cannot run is skipped with the reason, and fails where CI is set.
"""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# Neither a busy machine nor chance may fail a change: EXPLORE=1 tries other examples than the last time.
settings.register_profile(
    "secaudit", deadline=None, derandomize=not os.environ.get("EXPLORE"), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("secaudit")


def _lack(item: pytest.Item) -> str:
    """Why this machine cannot run the test; empty when it can."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        return "needs root"
    if item.get_closest_marker("browser") and shutil.which("chromium") is None:
        return "needs Chromium"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here, or fail where everything must run."""
    lack = _lack(item)
    if lack and os.environ.get("CI"):
        pytest.fail(f"{lack}, and CI must run every test", pytrace=False)
    if lack:
        pytest.skip(lack)
