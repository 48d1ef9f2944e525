"""What a host's network looks like from outside."""

from __future__ import annotations

from dataclasses import dataclass

from secaudit.api import Evidence, Unproven, UnprovenKind


@dataclass(frozen=True, slots=True)
class ScannedPort:
    """A port that nmap named. `state` is `open`, `closed`, `filtered` or `open|filtered`, see nmap(1).

    `reason` is nmap's (`syn-ack`, `reset`, `no-response`), `service` the usual name of the port number, not what was
    found to run there.
    """

    protocol: str
    port: int
    state: str
    reason: str
    service: str
    evidence: Evidence

    @property
    def subject(self) -> str:
        """Natural key of the port: `tcp/8080`."""
        return f"{self.protocol}/{self.port}"


@dataclass(frozen=True, slots=True)
class PortScanResult:
    """A finished scan of the port list `ports`: all ports whose state differs from the rest's, by number.

    `rest` counts the others by state. Evidence is the scan as a whole. `scanner` is the address that the scanner sent
    from, empty where the recording does not say it.
    """

    protocol: str
    ports: str
    seen: tuple[ScannedPort, ...]
    rest: tuple[tuple[str, int], ...]
    evidence: Evidence
    scanner: str = ""


@dataclass(frozen=True, slots=True)
class ScannedPorts:
    """The port scans that the controls asked for, each finished or with the reason why it proves nothing."""

    scans: tuple[tuple[str, str, PortScanResult | Unproven], ...]

    def scan(self, protocol: str, ports: str) -> PortScanResult:
        """The scan of exactly this protocol and port list, or raises `Unproven`."""
        for scanned_protocol, scanned_ports, result in self.scans:
            if (scanned_protocol, scanned_ports) == (protocol, ports):
                if isinstance(result, Unproven):
                    raise result
                return result
        raise Unproven(UnprovenKind.NOT_RECORDED, f"{protocol} ports {ports} were not scanned")
