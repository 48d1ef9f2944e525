"""Slow and lossy links where the kernel has no netem: a process that carries every frame of a lab's hosts.

Each host's link is replaced by two TAP devices, one on the bridge and one as the host's eth0, and this process is the
cable between them. A frame to the host is lost by chance, or waits for its time; a frame from it passes at once. The
delay is right to within about a millisecond; what arrives in order leaves in order.
"""

from __future__ import annotations

import fcntl
import os
import random
import selectors
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from tests.lab import runtime
from tests.lab.host import run
from tests.lab.network import batch
from tests.lab.runtime import HostRecord, LabRecord

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_LARGEST = 65536
_BURST = 64


@dataclass(slots=True)
class Cable:
    """One host's link. `waiting` holds frames to the host and the moment (monotonic) at which each is due."""

    bridge: int
    host: int
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)


def plug(record: LabRecord, host: HostRecord) -> Cable:
    """Replace a host's link; its addresses stay, that of the link layer too: neighbours remember it."""
    name, inner = record.segment.link(host.number), f"{record.segment.link(host.number)}i"
    hardware = (host.root / "sys/class/net/eth0/address").read_text().strip()
    batch([f"link del {name}"])
    cable = Cable(_tap(name), _tap(inner))
    batch(
        [
            f"link set {name} master {record.segment.bridge} up",
            f"link set {inner} address {hardware}",
            f"link set {inner} netns {host.process.pid} name eth0",
        ]
    )
    run(host.process.pid, ["ip", "-batch", "-"], stdin=record.segment.inside(host.number).encode())
    return cable


def carry(cables: list[Cable], owner: int, delay: timedelta, loss: float) -> None:
    """Carry frames until the process `owner` ends or a device is gone; `loss` is a probability."""
    seconds = delay.total_seconds()
    with selectors.DefaultSelector() as ready:
        ready.register(os.pidfd_open(owner), selectors.EVENT_READ, None)
        for cable in cables:
            ready.register(cable.bridge, selectors.EVENT_READ, (cable, cable.bridge))
            ready.register(cable.host, selectors.EVENT_READ, (cable, cable.host))
        while True:
            next_due = min((cable.waiting[0][0] for cable in cables if cable.waiting), default=None)
            wait = None if next_due is None else max(0.0, next_due - time.monotonic())
            for key, _ in ready.select(wait):
                if key.data is None:
                    return
                cable, device = key.data
                _take(cable, device, seconds, loss)
            now = time.monotonic()
            for cable in cables:
                while cable.waiting and cable.waiting[0][0] <= now:
                    _put(cable.host, cable.waiting.popleft()[1])


def _take(cable: Cable, device: int, delay: float, loss: float) -> None:
    for _ in range(_BURST):
        try:
            frame = os.read(device, _LARGEST)
        except BlockingIOError:
            return
        if device == cable.host:
            _put(cable.bridge, frame)
        elif random.random() >= loss:
            cable.waiting.append((time.monotonic() + delay, frame))


def _put(device: int, frame: bytes) -> None:
    try:
        os.write(device, frame)
    except BlockingIOError:
        return  # a full device loses frames, like a cable's far end


def _tap(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return device


def main(name: str, delay: timedelta, loss: float) -> None:
    """Plug every host of the lab `name`, then go on as a process of its own; the caller returns when all is plugged."""
    record = runtime.find(name)
    cables = [plug(record, host) for host in record.hosts]
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    try:
        carry(cables, record.owner.pid, delay, loss)
    except OSError:
        os._exit(1)  # a host is gone, and the lab with it
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], timedelta(seconds=float(sys.argv[2])), float(sys.argv[3]))
