"""Real servers and users for the transport's tests."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transport.sshd import SSHD, Account, RealSshd, account


@pytest.fixture(scope="session")
def needs_root() -> None:
    """Skip where there is no root or no sshd; fail there in CI, so that nothing is left out unnoticed."""
    missing = "needs root" if os.geteuid() != 0 else "" if SSHD.exists() else f"needs {SSHD}"
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


@pytest.fixture(scope="session")
def server_directory(needs_root: None) -> Iterator[Path]:
    """A directory whose contents other users may reach; pytest keeps its own closed to them, all the way up."""
    with tempfile.TemporaryDirectory(prefix="secaudit-ssh-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        yield directory


@pytest.fixture(scope="session")
def sshd(server_directory: Path) -> Iterator[RealSshd]:
    """One sshd for all tests that do not harm it."""
    with RealSshd(server_directory / "sshd") as server:
        yield server


@pytest.fixture(scope="session")
def auditor(server_directory: Path) -> Iterator[Account]:
    """An unprivileged user without any sudo rule."""
    with account(server_directory) as user:
        yield user


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """What the test starts has ended when it ends."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        # A cancelled timer's thread needs a moment to see it, and on a busy machine a long one.
        thread.join(20)
        assert not thread.is_alive(), f"{thread} was left behind"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter patience with commands that hang, so that the tests need not have it."""
    monkeypatch.setattr("secaudit.transport.conversation.GRACE", 0.5)
    monkeypatch.setattr("secaudit.transport.sudo.GRACE", 0.5)
    monkeypatch.setattr("secaudit.transport.conversation._KILL_LIMIT", 0.5)
    monkeypatch.setattr("secaudit.transport.conversation._OPEN_LIMIT", 2)
    monkeypatch.setattr("secaudit.transport.conversation.KILL_AFTER", 0.5)
