"""Connecting and logging in: strict host keys, agent, key files, password, jump hosts, all before a deadline."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import paramiko

from secaudit.transport import known_hosts
from secaudit.transport.interface import Unreachable
from secaudit.transport.ssh_close import GONE, TunnelPacketizer
from secaudit.transport.ssh_keys import Agent, offers
from secaudit.transport.ssh_route import Hop

_LOG = "secaudit.transport.paramiko"
_KEEPALIVE = 30
_JOIN = 0.5

# Signature algorithms of a host key of this type, RFC 8332; every other type is its own algorithm.
_RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")


def silence() -> None:
    """Keep paramiko's own log lines off the terminal: what matters of them is in our messages."""
    logging.getLogger(_LOG).setLevel(logging.CRITICAL + 1)


@dataclass(slots=True)
class Link:
    """An authenticated connection and the connections to the jump hosts it runs through, outermost first."""

    transports: list[paramiko.Transport] = field(default_factory=list)

    @property
    def transport(self) -> paramiko.Transport:
        """The connection to the host itself."""
        return self.transports[-1]

    def close(self) -> None:
        """Cut the line at once, without waiting for the other side, and end the threads. Safe to call twice."""
        for transport in self.transports[:1]:
            # The thread sleeps in recv on this socket; this wakes it, and EOF then runs through the chain.
            with suppress(OSError):
                transport.sock.shutdown(socket.SHUT_RDWR)
        for transport in self.transports:
            with suppress(*GONE):
                transport.close()
            with suppress(*GONE):
                transport.sock.close()
            if transport.ident is not None:
                transport.join(_JOIN)
        self.transports.clear()


def log_in(hops: Sequence[Hop], deadline: float, limit: float, password: Callable[[], str] | None) -> Link:
    """Log in through `hops` before `deadline` (monotonic), each step within `limit` seconds.

    `password` gives the host's own password; it is never tried on a jump host. Raises Unreachable.
    """
    link = Link()
    try:
        for number, hop in enumerate(hops):
            last = number == len(hops) - 1
            clock = _Clock(deadline, limit)
            keys = _known(hop)
            transport = _connect(link, hop, clock, [key.type for key in keys])
            _check_host_key(hop, keys, transport.get_remote_server_key())
            _authenticate(transport, hop, _Clock(deadline, limit), password if last else None)
        link.transport.set_keepalive(_KEEPALIVE)
    except BaseException:
        link.close()
        raise
    return link


def fetch_key(hops: Sequence[Hop], deadline: float, limit: float) -> paramiko.PKey:
    """The key that the last hop shows, without logging into it (its jump hosts are logged into). Raises Unreachable."""
    link = log_in(hops[:-1], deadline, limit, None) if len(hops) > 1 else Link()
    try:
        return _connect(link, hops[-1], _Clock(deadline, limit), ()).get_remote_server_key()
    finally:
        link.close()


class _Clock:
    """The time for one step: `limit` seconds, and not beyond the deadline."""

    def __init__(self, deadline: float, limit: float) -> None:
        self._until = min(deadline, time.monotonic() + limit)

    def left(self, hop: Hop) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Unreachable(f"{hop.label} did not answer in time")
        return left


def _connect(link: Link, hop: Hop, clock: _Clock, known_types: Sequence[str]) -> paramiko.Transport:
    """Connect to `hop` through the end of `link`, agree on keys, and lengthen the link. No login yet."""
    sock = _tunnel(link.transport, hop, clock) if link.transports else _socket(hop, clock)
    try:
        transport = paramiko.Transport(sock, packetizer_class=TunnelPacketizer)
    except (paramiko.SSHException, OSError) as error:
        sock.close()
        raise Unreachable(f"{hop.label}: {_reason(error)}") from error
    link.transports.append(transport)
    transport.set_log_channel(_LOG)
    transport.banner_timeout = clock.left(hop)
    options = transport.get_security_options()
    # A server shows one key of several: ask first for the types that we know, as ssh(1) does.
    known = [name for type_ in known_types for name in (_RSA_ALGORITHMS if type_ == "ssh-rsa" else (type_,))]
    preferred = [name for name in dict.fromkeys(known) if name in options.key_types]
    options.key_types = (*preferred, *(name for name in options.key_types if name not in preferred))
    agreed = threading.Event()
    transport.start_client(event=agreed)
    ended = agreed.wait(clock.left(hop))
    if not transport.is_active():
        cause = transport.get_exception()
        raise Unreachable(f"{hop.label} does not speak SSH with us: {_reason(cause)}") from cause
    if not ended:
        raise Unreachable(f"{hop.label} accepted the connection but did not answer in time")
    return transport


def _socket(hop: Hop, clock: _Clock) -> socket.socket:
    """A connection to one of the addresses of the hop's name; the time is shared between them."""
    try:
        found = socket.getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"{hop.label}: the name cannot be resolved") from None
    failure: OSError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(clock.left(hop) / (len(found) - number))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise Unreachable(f"{hop.label}: {_reason(failure)}") from failure


def _tunnel(outer: paramiko.Transport, hop: Hop, clock: _Clock) -> paramiko.Channel:
    try:
        # The origin is informative only, RFC 4254 section 7.2.
        return outer.open_channel("direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=clock.left(hop))
    except GONE as error:
        raise Unreachable(f"{hop.label} cannot be reached through the jump host: {_reason(error)}") from error


def _known(hop: Hop) -> tuple[known_hosts.KnownKey, ...]:
    try:
        return known_hosts.lookup(hop.known_as, hop.known_hosts)
    except OSError as error:
        raise Unreachable(f"{error.filename} cannot be read: {error.strerror}") from error


def _check_host_key(hop: Hop, keys: Sequence[known_hosts.KnownKey], shown: paramiko.PKey) -> None:
    blob = shown.asbytes()
    print_ = f"{shown.get_name()} {known_hosts.fingerprint(blob)}"
    same = [key for key in keys if key.blob == blob]
    for key in same:
        if key.revoked:
            raise Unreachable(f"the host key of {hop.label}, {print_}, is revoked at {key.place}")
    if same:
        return
    trusted = [key for key in keys if not key.revoked]
    if not trusted:
        raise Unreachable(
            f"the host key of {hop.label} is unknown: {print_}. Compare it with the host's own"
            " (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then pin it with `secaudit inventory trust`."
        )
    expected = ", ".join(f"{key.type} {known_hosts.fingerprint(key.blob)} ({key.place})" for key in trusted)
    raise Unreachable(
        f"the host key of {hop.label} has CHANGED: it shows {print_}, known is {expected}. Somebody may be in between."
        f" If the host was set up anew, remove the old key (ssh-keygen -R '{hop.known_as}') and pin the new one with"
        " `secaudit inventory trust`."
    )


def _authenticate(transport: paramiko.Transport, hop: Hop, clock: _Clock, password: Callable[[], str] | None) -> None:
    """Try agent and key files, then the password, until the server is content."""
    tried: list[str] = []
    problems: list[str] = []
    agent = Agent(hop)
    try:
        for name, key in offers(hop, agent.keys, problems):
            tried.append(name)
            transport.auth_timeout = clock.left(hop)
            try:
                if not transport.auth_publickey(hop.user, key):
                    return
                break  # this key was accepted, and the server wants a second factor
            except paramiko.BadAuthenticationType:
                break  # no public keys here
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    break
        if password is not None and transport.is_active():
            secret = password()
            tried.append("password")
            transport.auth_timeout = clock.left(hop)
            # paramiko falls back to keyboard-interactive by itself, for servers whose PAM asks for the password.
            if not transport.auth_password(hop.user, secret):
                return
            problems.append("the server wants another factor after the password")
    except GONE as error:
        if not isinstance(error, paramiko.AuthenticationException) or not transport.is_active():
            problems.append(_reason(error))
    finally:
        agent.close()
    clock.left(hop)
    said = f"tried {', '.join(tried)}" if tried else "there is no key and no password to try"
    raise Unreachable("; ".join([f"{hop.label} refused the login as {hop.user}: {said}", *problems]))


def _reason(error: BaseException | None) -> str:
    """The cause in few words. Never text that the server sent: what paramiko raises for it is named by its type."""
    match error:
        case None | EOFError():
            return "the connection was closed"
        case TimeoutError():
            return "no answer in time"
        case OSError(strerror=str(text)) if text:
            return text
        case paramiko.ssh_exception.IncompatiblePeer():
            return "no algorithm in common"
        case paramiko.ChannelException():
            return "it refused to connect there"
        case paramiko.AuthenticationException():
            return "it closed the connection during the login"
        case paramiko.SSHException():
            return "not an SSH server, or it broke the protocol"
        case _:
            return type(error).__name__
