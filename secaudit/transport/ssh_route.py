"""Where SSH connects to and as whom: the inventory's settings over `~/.ssh/config`, jump hosts included."""

from __future__ import annotations

import getpass
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import paramiko

from secaudit.model.inventory import Host, SshSettings
from secaudit.transport.interface import Unreachable
from secaudit.transport.known_hosts import DEFAULT_PORT, known_name

_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[^]\s]+)\]|(?P<host>[^:\s]+))(?::(?P<port>\d{1,5}))?/?"
)
_MAX_HOPS = 8
_DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
_GLOBAL_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class Hop:
    """One SSH server on the way, the last one being the host itself.

    `alias` is what the inventory or the configuration calls it, `known_as` its name in the known_hosts files.
    `identity_files` were asked for and are named in messages; `default_identities` are tried when they exist.
    """

    alias: str
    host: str
    port: int
    user: str
    known_as: str
    known_hosts: tuple[Path, ...]
    identity_files: tuple[Path, ...]
    default_identities: tuple[Path, ...]
    use_agent: bool
    identities_only: bool

    @property
    def label(self) -> str:
        """Name for people: the alias, and the address where it is another."""
        place = self.host if self.port == DEFAULT_PORT else f"{self.host} port {self.port}"
        return place if self.alias in (self.host, place) else f"{self.alias} ({place})"


def route(host: Host) -> tuple[Hop, ...]:
    """The servers to connect through, in order, the host last.

    What the settings leave open comes from `~/.ssh/config` (ssh_config(5): HostName, User, Port, IdentityFile,
    IdentitiesOnly, ProxyJump, UserKnownHostsFile, HostKeyAlias). User and port of the settings are the host's own; the
    rest of them holds for jump hosts too. Raises Unreachable for a configuration that cannot be followed.
    """
    config = _config() if host.ssh.use_config else None
    jumps = list(host.ssh.jump) if host.ssh.jump else None
    return tuple(_expand(_Spec(host.address, host.ssh.user, host.ssh.port), jumps, host.ssh, config, ()))


@dataclass(frozen=True, slots=True)
class _Spec:
    alias: str
    user: str | None
    port: int | None

    @classmethod
    def parse(cls, text: str) -> _Spec:
        """Read `[user@]host[:port]`, the form of ssh(1) -J."""
        found = _HOP.fullmatch(text.strip())
        if found is None:
            raise Unreachable(f"{text!r} is not a jump host; write [user@]host[:port]")
        return cls(found["v6"] or found["host"], found["user"], _port(found["port"]) if found["port"] else None)


def _expand(
    spec: _Spec,
    jumps: list[str] | None,
    settings: SshSettings,
    config: paramiko.SSHConfig | None,
    seen: tuple[_Spec, ...],
) -> list[Hop]:
    """The hops to `spec`, itself included. `jumps` None means those of the configuration."""
    if spec in seen or len(seen) > _MAX_HOPS:
        raise Unreachable(f"the jump hosts on the way to {spec.alias} form a circle or a chain that is too long")
    found = _lookup(config, spec.alias)
    if jumps is None:
        jumps = [] if found.get("proxyjump", "none").lower() == "none" else found["proxyjump"].split(",")
        if any(_Spec.parse(jump).alias == spec.alias for jump in jumps):
            jumps = []  # `Host *` with a ProxyJump names the jump host itself, too
        if not jumps and found.get("proxycommand"):
            raise Unreachable(f"~/.ssh/config has a ProxyCommand for {spec.alias}; use ProxyJump or `jump` instead")
    hops: list[Hop] = []
    for number, jump in enumerate(jumps):
        # As ssh(1) does: only the first jump host may have jump hosts of its own, the next is reached through it.
        inner: list[str] | None = None if number == 0 else []
        hops += _expand(_Spec.parse(jump), inner, settings, config, (*seen, spec))
    return [*hops, _hop(spec, found, settings)]


def _hop(spec: _Spec, found: paramiko.SSHConfigDict, settings: SshSettings) -> Hop:
    name = found.get("hostname", spec.alias)
    port = spec.port or _port(found.get("port", str(DEFAULT_PORT)))
    home = Path.home() / ".ssh"
    if settings.known_hosts is not None:
        known_hosts: tuple[Path, ...] = (Path(settings.known_hosts).expanduser(),)
    elif "userknownhostsfile" in found:
        known_hosts = tuple(Path(part).expanduser() for part in shlex.split(found["userknownhostsfile"]))
    else:
        known_hosts = (home / "known_hosts", _GLOBAL_KNOWN_HOSTS)
    identities = settings.identity_files or tuple(found.get("identityfile", ()))
    return Hop(
        alias=spec.alias,
        host=name,
        port=port,
        user=spec.user or found.get("user") or _own_name(),
        known_as=found["hostkeyalias"].lower() if "hostkeyalias" in found else known_name(name, port),
        known_hosts=known_hosts,
        identity_files=tuple(Path(identity).expanduser() for identity in identities),
        default_identities=() if identities else tuple(home / name for name in _DEFAULT_IDENTITIES),
        use_agent=settings.use_agent,
        identities_only=found.get("identitiesonly", "no").lower() == "yes",
    )


def _lookup(config: paramiko.SSHConfig | None, alias: str) -> paramiko.SSHConfigDict:
    if config is None:
        return paramiko.SSHConfigDict()
    try:
        return config.lookup(alias)
    except (paramiko.ConfigParseError, paramiko.CouldNotCanonicalize, KeyError, OSError) as error:
        # The last two: paramiko wants to know the name of whoever runs this.
        raise Unreachable(f"~/.ssh/config cannot be applied to {alias}: {error}") from error


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Unreachable("nobody says which user to log in as, and who runs this has no name") from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Unreachable(f"{text!r} is not a port")
    return int(text)


def _config() -> paramiko.SSHConfig | None:
    path = Path.home() / ".ssh" / "config"
    try:
        return paramiko.SSHConfig.from_text("\n".join(_lines(path, 0)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreachable(f"{path} cannot be read: {error.strerror}") from error
    except (paramiko.ConfigParseError, UnicodeDecodeError) as error:
        raise Unreachable(f"{path} cannot be understood: {error}") from error


def _lines(path: Path, depth: int) -> list[str]:
    """The lines of a configuration, with what it includes in place: paramiko passes over Include."""
    lines: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        keyword, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() == "match" and "exec" in value.lower().split():
            raise Unreachable(
                f"{path} has `Match exec`, which a scan does not run; set `config: false` in the inventory"
            )
        if keyword.lower() != "include":
            lines.append(line)
        elif depth < _MAX_HOPS:
            for pattern in shlex.split(value):
                # A relative name means one below ~/.ssh, says ssh_config(5).
                full = Path.home() / ".ssh" / Path(pattern).expanduser()
                for included in sorted(Path(full.anchor).glob(str(full.relative_to(full.anchor)))):
                    lines += _lines(included, depth + 1)
    return lines
