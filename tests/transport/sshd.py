"""A real sshd on loopback, with keys and a configuration of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SSHD = Path("/usr/sbin/sshd")
SUDOERS = Path("/etc/sudoers.d")


@dataclass(frozen=True, slots=True)
class Account:
    """A throw-away user of this machine, with a home, a password and a key that may log in."""

    name: str
    password: str
    home: Path
    identity: Path


class RealSshd:
    """A context manager around `sshd -D`; `directory` must be one that only root can write to.

    `lines` are further lines of sshd_config(5), before the built-in ones, so that they win.
    """

    def __init__(self, directory: Path, lines: Sequence[str] = ()) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "sshd.log"
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        for kind in ("ed25519", "rsa"):
            make_key(self.directory / f"host_{kind}", kind)
        # sshd wants the directory for its unprivileged half even when nobody has installed the service.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.directory / "sshd_config"
        config.write_text(
            "\n".join(
                [
                    *self._lines,
                    f"Port {self.port}",
                    "ListenAddress 127.0.0.1",
                    f"HostKey {self.directory}/host_ed25519",
                    f"HostKey {self.directory}/host_rsa",
                    "PidFile none",
                    "UsePAM yes",
                    "UseDNS no",
                    "PasswordAuthentication yes",
                    "KbdInteractiveAuthentication no",
                    "PermitRootLogin no",
                    "StrictModes no",
                    "MaxStartups 100",
                    "MaxSessions 64",
                    "LogLevel VERBOSE",
                    "",
                ]
            )
        )
        self._process = subprocess.Popen(
            [str(SSHD), "-D", "-f", str(config), "-E", str(self.log)], start_new_session=True
        )
        wait_for_port(self.port, self._process, self.log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The listening daemon."""
        assert self._process is not None
        return self._process.pid

    def processes(self) -> list[int]:
        """The daemon and everything that descends from it: two processes for each connection, and their commands."""
        found = [self.pid]
        for pid in found:
            with suppress(FileNotFoundError, ProcessLookupError):
                found += [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of them, the daemon first."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def known_line(self, kind: str = "ed25519", name: str | None = None) -> str:
        """The line of a known_hosts file for this server."""
        key = " ".join((self.directory / f"host_{kind}.pub").read_text().split()[:2])
        return f"{name or f'[127.0.0.1]:{self.port}'} {key}\n"

    def stop(self) -> None:
        """End the daemon and every connection, whatever state they are in. Safe to call twice."""
        if self._process is None or self._process.poll() is not None:
            return
        self.signal(signal.SIGKILL)
        self._process.wait()


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, limit: float = 10) -> None:
    """Return when something listens there; raise AssertionError with the log when the process ends or time is up."""
    end = time.monotonic() + limit
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"sshd did not start: {log.read_text() if log.exists() else 'no log'}")


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new key pair at `path` and `path.pub`."""
    bits = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-f", str(path)], check=True)
    return path


@contextmanager
def account(directory: Path, shell: str = "/bin/sh") -> Iterator[Account]:
    """A new user whose key lies in `directory`; user and home are removed afterwards. Needs root."""
    name = f"secaudit-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(12)
    home = directory / name
    subprocess.run(
        ["useradd", "--create-home", "--home-dir", str(home), "--shell", shell, name], check=True, capture_output=True
    )
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True)
        identity = make_key(directory / f"{name}.key")
        authorize(home, Path(f"{identity}.pub"))
        user = pwd.getpwnam(name)
        os.chown(home / ".ssh", user.pw_uid, user.pw_gid)
        yield Account(name, password, home, identity)
    finally:
        subprocess.run(["pkill", "-KILL", "-U", name], check=False)
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def authorize(home: Path, public: Path) -> None:
    """Let the owner of the key log in to the account with this home."""
    (home / ".ssh").mkdir(mode=0o755, exist_ok=True)
    with (home / ".ssh" / "authorized_keys").open("a") as keys:
        keys.write(public.read_text())


@contextmanager
def sudoers(user: str, *rules: str) -> Iterator[None]:
    """Rules such as `ALL=(root) NOPASSWD: /bin/true` for a user, for as long as the context lasts. Needs root."""
    file = SUDOERS / user
    text = "".join(f"{user} {rule}\n" for rule in rules)
    subprocess.run(["visudo", "-cf", "-"], input=text.encode(), check=True, capture_output=True)
    file.write_text(text)
    file.chmod(0o440)
    try:
        yield
    finally:
        file.unlink()
