"""Customers, sites and hosts: what there is to audit and how to get there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class TransportKind(StrEnum):
    """How commands reach a host."""

    SSH = "ssh"
    LOCAL = "local"


class SecretKind(StrEnum):
    """Where a password comes from; the value itself never stands in a file that we read."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """A reference to a secret: an environment variable, a file, an argv to run, or `service/user` in the keyring."""

    kind: SecretKind
    value: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How to log in. What is None or empty comes from `~/.ssh/config` (unless `use_config` is off)."""

    user: str | None = None
    port: int | None = None
    jump: tuple[str, ...] = ()
    identity_files: tuple[str, ...] = ()
    known_hosts: str | None = None
    use_agent: bool = True
    use_config: bool = True
    password: SecretSource | None = None
    sudo_password: SecretSource | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One machine to audit; `(customer, name)` is its identity. `baselines` are names or absolute paths.

    `probe` says that packets which test its packet filter may be sent to it.
    """

    customer: str
    site: str
    name: str
    address: str
    transport: TransportKind = TransportKind.SSH
    tags: frozenset[str] = frozenset()
    baselines: tuple[str, ...] = ()
    ssh: SshSettings = field(default_factory=SshSettings)
    probe: bool = False

    @property
    def label(self) -> str:
        """Name for people: `customer/host`."""
        return f"{self.customer}/{self.name}"


@dataclass(frozen=True, slots=True)
class Site:
    """A place with its hosts, in file order."""

    id: str
    hosts: tuple[Host, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with its sites; `language` is the reports' default (`de` or `en`)."""

    id: str
    name: str
    language: str
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """All customers that were read, in file order."""

    customers: tuple[Customer, ...]

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Every host of every customer."""
        return tuple(host for customer in self.customers for site in customer.sites for host in site.hosts)
