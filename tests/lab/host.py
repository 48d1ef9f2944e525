"""One host: a shell as process 1 in namespaces of its own, on an overlay of the shared root.

The shell reads its commands from a pipe whose other end the lab holds. When the lab ends, however it ends, the shell
reads the end of the file and exits, and the kernel takes the host's processes, mounts and network with it.
"""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.draft import Draft, Service
from tests.lab.errors import LabError

PATIENCE = 30.0
"""Seconds that any step of a host may take on a loaded machine."""
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")

# Runs with the machine's programs until it changes its root. The first read is of the machine's own /proc, so the
# process id is the one that the machine knows. $1 is an empty folder, $2 the shared root.
_BOOT = """
set -eu
read -r pid rest < /proc/self/stat
mount -t tmpfs -o mode=0755,size=2g lab "$1"
mkdir -m 0755 "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
mount -t tmpfs -o mode=0755,nosuid tmpfs dev
mkdir -m 0755 dev/pts run/sshd run/lock
mkdir -m 1777 dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mknod -m 0666 dev/null c 1 3
mknod -m 0666 dev/zero c 1 5
mknod -m 0666 dev/full c 1 7
mknod -m 0666 dev/random c 1 8
mknod -m 0666 dev/urandom c 1 9
mknod -m 0666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
pivot_root . mnt
exec chroot . /bin/sh -c 'umount -l /mnt && echo "$0"; exec /bin/sh' "$pid"
"""


@dataclass(slots=True)
class Machine:
    """A host's process 1 while somebody holds on to it. `pid` is 0 until `booted`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    pid: int = 0

    @classmethod
    def start(cls, name: str, base: Path, directory: Path) -> Machine:
        """Begin to boot; `directory` gets the host's log and the folder that its layers are mounted on."""
        layers = directory / name
        layers.mkdir(parents=True)
        log = directory / f"{name}.log"
        argv = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--"]
        argv += ["/bin/sh", "-c", _BOOT, "boot", str(layers), str(base)]
        with log.open("wb") as file:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def root(self) -> Path:
        """The host's root directory as this machine reaches it."""
        return Path(f"/proc/{self.pid}/root")

    @property
    def pipe(self) -> int:
        """The file descriptor whose end ends the host."""
        assert self.process.stdin is not None
        return self.process.stdin.fileno()

    def booted(self) -> None:
        """Wait until the root is there."""
        self.pid = int(self._line())

    def configure(self, lines: Iterable[str]) -> None:
        """Give commands to the host's shell without waiting for them."""
        # From then on the kernel reaps what the host's daemons leave to process 1; what they start is not affected.
        script = "\n".join(["set -e", *lines, "echo ready", "set +e", "trap '' CHLD", ""])
        try:
            os.write(self.pipe, script.encode())
        except BrokenPipeError:
            raise self._failed("its shell has ended") from None

    def ready(self, ports: Iterable[int]) -> None:
        """Wait until the commands are done and every one of `ports` has a TCP listener."""
        if self._line() != "ready":
            raise self._failed("it said something unexpected")
        missing = set(ports)
        deadline = time.monotonic() + PATIENCE
        while missing := missing - self._listening():
            if time.monotonic() > deadline:
                raise self._failed(f"nothing listens on {sorted(missing)}")
            time.sleep(0.005)

    def stop(self) -> None:
        """End the host; returns when its processes are gone."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _line(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            raise self._failed("it ended" if readable else f"no sign of life for {PATIENCE:.0f} s")
        return line.decode().strip()

    def _listening(self) -> set[int]:
        rows: list[list[str]] = []
        for table in ("tcp", "tcp6"):
            rows += [line.split() for line in Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]]
        listen = "0A"
        return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == listen}

    def _failed(self, why: str) -> LabError:
        return LabError(f"host {self.name} did not start: {why}\n{self.log.read_text(errors='replace')[-2000:]}")


def setup(draft: Draft, network: str) -> list[str]:
    """Lines for the host's shell that give it its name, network, firewall and services; writes the firewall's files."""
    lines = [f"hostname {shlex.quote(draft.name)}", *_fed("ip -batch -", network)]
    for content, path, load in (
        (draft.nftables, "/etc/nftables.conf", "nft -f"),
        (draft.iptables, "/etc/iptables/rules.v4", "iptables-restore"),
        (draft.ip6tables, "/etc/iptables/rules.v6", "ip6tables-restore"),
    ):
        if content is None:
            draft.remove(path)
        else:
            draft.write(path, content)
            lines.append(f"{load} {path}")
    return [*lines, *draft.commands, *(_started(service) for service in draft.services)]


def run(pid: int, argv: Sequence[str], *, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a program as root on the host whose process 1 is `pid`; nothing is raised for its exit code."""
    return subprocess.run(entering(pid, argv), input=stdin, capture_output=True, env=ENVIRONMENT, check=False)


def entering(pid: int, argv: Sequence[str]) -> list[str]:
    """The argv that runs `argv` as root on the host whose process 1 is `pid`."""
    return ["nsenter", f"--target={pid}", *_NAMESPACES, "--root", "--wd", "--", *argv]


def _fed(command: str, text: str) -> list[str]:
    return [f"{command} <<'end of input'", text.rstrip("\n"), "end of input"]


def _started(service: Service) -> str:
    return f"{shlex.join(service.argv)} </dev/null >>/var/log/lab.log 2>&1 &"
