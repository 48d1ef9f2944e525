"""Labs: starting hosts side by side, finding them again, and leaving nothing behind."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.lab import runtime
from tests.lab.base import USER, base, locked
from tests.lab.draft import Draft
from tests.lab.errors import LabError
from tests.lab.host import Machine, run, setup
from tests.lab.network import MOST_HOSTS, free_segment
from tests.lab.runtime import HostRecord, LabRecord, Process
from tests.lab.scenarios import Scenario, hardened


@dataclass(frozen=True, slots=True)
class Planned:
    """A host to be: its name, also its hostname, and its scenario."""

    name: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab. `key` is the audit user's private key, `known_hosts` pins every host's key."""

    record: LabRecord

    @property
    def hosts(self) -> tuple[HostRecord, ...]:
        """All hosts, in the order of the plan."""
        return self.record.hosts

    def host(self, name: str) -> HostRecord:
        """The host called `name`; raises LabError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"there is no host {name!r} in lab {self.record.name!r}")

    @property
    def key(self) -> Path:
        """The private key that logs in as `USER` on every host."""
        return self.record.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Host keys in the format of sshd(8)."""
        return self.record.directory / "known_hosts"

    @property
    def dead_address(self) -> str:
        """An address of the lab's network where nobody answers."""
        return self.record.segment.unused

    def run(self, host: str, argv: Sequence[str], *, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program as root on a host, not through SSH; nothing is raised for its exit code."""
        return run(self.host(host).process.pid, argv, stdin=stdin)

    def impair(self, delay: timedelta, loss: float) -> str:
        """Make the links slow and lossy until the lab ends; call it once.

        Packets to hosts are delayed and lost with the probability `loss`, those from hosts are not, so a round trip
        takes `delay` longer. Returns who does it, for people: the kernel's netem, or a process where it has none.
        """
        if self.record.segment.impair((host.number for host in self.hosts), delay, loss):
            return "the kernel's netem"
        argv = [sys.executable, "-m", "tests.lab.relay", self.record.name, str(delay.total_seconds()), str(loss)]
        subprocess.run(argv, check=True, cwd=Path(__file__).parents[2])
        return "a process that carries every frame (this kernel has no netem)"


def find(name: str) -> Lab:
    """The running lab called `name`, of whatever process; raises LabError when there is none."""
    return Lab(runtime.find(name))


@contextmanager
def running(plan: Sequence[Planned], name: str | None = None) -> Iterator[Lab]:
    """A lab for the length of a with block; it also ends with this process, however that ends."""
    lab, machines = _start(plan, name or f"process-{os.getpid()}-{secrets.token_hex(3)}")
    try:
        yield lab
    finally:
        _stop(lab.record, machines)


def up(plan: Sequence[Planned], name: str) -> Lab:
    """Start a lab that goes on after this process has ended, until `down`."""
    lab, machines = _start(plan, name)
    keeper = subprocess.Popen(
        ["sleep", "infinity"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[machine.pipe for machine in machines],
        start_new_session=True,
    )
    record = lab.record.model_copy(update={"owner": Process.of(keeper.pid), "kept": True})
    record.save()
    return Lab(record)


def down(name: str) -> bool:
    """End a lab that `up` started and remove every trace of it, and of labs whose process crashed.

    False when there was no such lab. Raises LabError for one that belongs to a running process.
    """
    with locked(runtime.LOCK):
        runtime.sweep()
        for record in runtime.records():
            if record.name != name:
                continue
            if not record.kept:
                raise LabError(f"lab {name!r} belongs to process {record.owner.pid} and ends with it")
            record.remove()
            runtime.sweep()
            return True
    return False


def _start(plan: Sequence[Planned], name: str) -> tuple[Lab, list[Machine]]:
    _refuse_bad(plan, name)
    root = base()
    with locked(runtime.LOCK):
        runtime.sweep()
        if any(record.name == name for record in runtime.records()):
            raise LabError(f"lab {name!r} is up already")
        record = LabRecord(name=name, segment=free_segment(), owner=Process.of(os.getpid()), base=root)
        record.save()
        record.segment.create()
    machines: list[Machine] = []
    try:
        machines += (Machine.start(planned.name, record.base, record.directory) for planned in plan)
        record = _raise_hosts(record, plan, machines)
    except BaseException:
        _stop(record, machines)
        raise
    return Lab(record), machines


def _raise_hosts(record: LabRecord, plan: Sequence[Planned], machines: Sequence[Machine]) -> LabRecord:
    for machine in machines:
        machine.booted()
    numbered = list(enumerate(zip(plan, machines, strict=True), start=2))
    record.segment.attach({number: machine.pid for number, (_, machine) in numbered})
    login = _new_key(record.directory / "id_ed25519")
    hosts: list[HostRecord] = []
    drafts: list[Draft] = []
    pinned: list[str] = []
    for number, (planned, machine) in numbered:
        draft = hardened(planned.name, machine.root, datetime.now(UTC))
        expected = planned.scenario.plant(draft)
        address, address6 = record.segment.ipv4(number), record.segment.ipv6(number)
        pinned.append(f"{address},{address6} {_write_keys(draft, login)}\n")
        machine.configure(setup(draft, record.segment.inside(number)))
        process = Process.of(machine.pid)
        scenario = planned.scenario.name
        hosts.append(HostRecord(planned.name, scenario, number, address, address6, process, tuple(expected)))
        drafts.append(draft)
    (record.directory / "known_hosts").write_text("".join(pinned))
    for machine, draft in zip(machines, drafts, strict=True):
        machine.ready(service.port for service in draft.services)
    record = record.model_copy(update={"hosts": tuple(hosts)})
    record.save()
    return record


def _stop(record: LabRecord, machines: Sequence[Machine]) -> None:
    for machine in machines:
        machine.process.kill()
    for machine in machines:
        machine.stop()
    with locked(runtime.LOCK):
        record.remove()
        runtime.sweep()


def _refuse_bad(plan: Sequence[Planned], name: str) -> None:
    names = [planned.name for planned in plan]
    for word in (name, *names):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", word):
            raise LabError(f"{word!r} is not a name; use letters, digits and hyphens")
    if len(set(names)) < len(names):
        raise LabError("two hosts of a lab have the same name")
    if len(plan) > MOST_HOSTS:
        raise LabError(f"a lab has at most {MOST_HOSTS} hosts")
    if os.geteuid() != 0:
        raise LabError("the lab needs root, for namespaces and mounts")


def _new_key(file: Path) -> str:
    """Write a private key and return the public one, as one line of an authorized_keys file."""
    private, public = _key_pair()
    file.touch(mode=0o600)
    file.write_bytes(private)
    return public


def _write_keys(draft: Draft, login: str) -> str:
    """Give the host a key of its own, and the audit user's account the lab's; returns the host's public key."""
    private, public = _key_pair()
    draft.write("/etc/ssh/ssh_host_ed25519_key", private, mode=0o600)
    draft.write("/etc/ssh/ssh_host_ed25519_key.pub", f"{public}\n")
    draft.write(f"/home/{USER}/.ssh/authorized_keys", f"{login}\n")
    return public


def _key_pair() -> tuple[bytes, str]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
