"""One lab's piece of network: a bridge in the machine's own namespace with a link to every host.

Addresses come from the ranges set aside for benchmarks, 198.18.0.0/15 (RFC 2544) and 2001:2::/48 (RFC 5180), which
nobody routes. Nothing else of the machine's network is touched: no forwarding, no route beyond the bridge's own, no
firewall rule.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from tests.lab.errors import LabError

PREFIX = "salab"
"""Begins the name of every link that the lab makes; a hyphen and the host number follow in links to hosts."""
MOST_HOSTS = 250
_SEGMENTS = range(256)


@dataclass(frozen=True, slots=True)
class Segment:
    """The network with this index: names and addresses; host numbers run from 2 to `MOST_HOSTS` + 1."""

    index: int

    @property
    def bridge(self) -> str:
        """The bridge that the scanner's own addresses are on."""
        return f"{PREFIX}{self.index}"

    def link(self, number: int) -> str:
        """The bridge's end of a host's link."""
        return f"{self.bridge}-{number}"

    def ipv4(self, number: int) -> str:
        """The host's IPv4 address; number 1 is the scanner."""
        return f"198.18.{self.index}.{number}"

    def ipv6(self, number: int) -> str:
        """The host's IPv6 address; number 1 is the scanner."""
        return str(ip_address(f"2001:2:0:{self.index:x}::{number:x}"))

    @property
    def unused(self) -> str:
        """An address that no host ever has."""
        return self.ipv4(254)

    def create(self) -> None:
        """Make the bridge."""
        batch(
            [
                f"link add {self.bridge} type bridge mcast_snooping 0",
                f"addr add {self.ipv4(1)}/24 dev {self.bridge}",
                f"addr add {self.ipv6(1)}/64 dev {self.bridge} nodad",
                f"link set {self.bridge} up",
            ]
        )

    def attach(self, hosts: Mapping[int, int]) -> None:
        """Link hosts (number → a process in the host's network namespace, where the end is called eth0)."""
        lines: list[str] = []
        for number, pid in hosts.items():
            lines += [
                f"link add {self.link(number)} type veth peer name eth0 netns {pid}",
                f"link set {self.link(number)} master {self.bridge} up",
            ]
        batch(lines)

    def inside(self, number: int) -> str:
        """What `ip -batch` has to do inside the host."""
        return (
            "link set lo up\n"
            f"addr add {self.ipv4(number)}/24 dev eth0\n"
            f"addr add {self.ipv6(number)}/64 dev eth0 nodad\n"
            "link set eth0 up\n"
        )

    def impair(self, numbers: Iterable[int], delay: timedelta, loss: float) -> bool:
        """Let the kernel delay and lose packets to these hosts; False where it was built without netem."""
        for number in numbers:
            impairment = ["delay", f"{delay.total_seconds() * 1000:.3f}ms", "loss", f"{loss:.4%}"]
            argv = ["tc", "qdisc", "replace", "dev", self.link(number), "root", "netem", *impairment]
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if "qdisc kind is unknown" in done.stderr:
                return False
            if done.returncode:
                raise LabError(f"tc refused: {done.stderr.strip()}")
        return True

    def destroy(self) -> None:
        """Remove the bridge and every link to it that is still there."""
        links = [name for name in existing() if name == self.bridge or name.startswith(f"{self.bridge}-")]
        batch([f"link del {name}" for name in links], force=True)


def free_segment() -> Segment:
    """The first network that is not in use; call it with the lab's lock held."""
    used = {name.removeprefix(PREFIX) for name in existing()}
    for index in _SEGMENTS:
        if str(index) not in used:
            return Segment(index)
    raise LabError(f"all {len(_SEGMENTS)} lab networks are in use; `down --all` removes what is left over")


def existing() -> list[str]:
    """Names of the lab's links on this machine."""
    shown = subprocess.run(["ip", "-json", "link", "show"], check=True, capture_output=True, text=True)
    return [link["ifname"] for link in json.loads(shown.stdout) if link["ifname"].startswith(PREFIX)]


def batch(lines: Iterable[str], *, force: bool = False) -> None:
    """Run many ip(8) commands in one process; with `force` those that fail do not stop the rest or raise."""
    argv = ["ip", *(["-force"] if force else []), "-batch", "-"]
    done = subprocess.run(argv, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if done.returncode and not force:
        raise LabError(f"ip(8) refused to build the lab's network: {done.stderr.strip()}")
