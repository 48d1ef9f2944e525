"""The private keys to offer to a server: the agent's, and those in files."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from secaudit.transport.known_hosts import fingerprint
from secaudit.transport.ssh_route import Hop


class Agent:
    """The keys of ssh-agent(1), as far as this hop may use them."""

    def __init__(self, hop: Hop) -> None:
        self._agent: paramiko.Agent | None = None
        self.keys: dict[bytes, paramiko.AgentKey] = {}
        if hop.use_agent:
            # An agent that cannot be reached has no keys; the message of a failed login says what was tried.
            with suppress(paramiko.SSHException, OSError):
                _knock()
                self._agent = paramiko.Agent()
                self.keys = {key.asbytes(): key for key in self._agent.get_keys()}

    def close(self) -> None:
        """Let go of the agent; the keys cannot sign any more."""
        if self._agent is not None:
            self._agent.close()


def offers(hop: Hop, agent: dict[bytes, paramiko.AgentKey], problems: list[str]) -> Iterator[tuple[str, paramiko.PKey]]:
    """Keys to offer with names for messages: the files that were asked for, the agent's, the default files."""
    offered: set[bytes] = set()
    for path in hop.identity_files:
        public = _public_blob(path)
        if public in agent:
            offered.add(public)
            yield f"{path} (agent)", agent[public]
        elif (key := _load(path, problems)) is not None:
            offered.add(key.asbytes())
            yield str(path), key
    if not hop.identities_only:
        for blob, agent_key in agent.items():
            if blob not in offered:
                offered.add(blob)
                yield f"agent key {fingerprint(blob)}", agent_key
    for path in hop.default_identities:
        if path.exists() and (key := _load(path, problems)) is not None and key.asbytes() not in offered:
            yield str(path), key


def _knock() -> None:
    """Raise OSError where nobody listens: paramiko leaves its socket open when it fails to connect to an agent."""
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(os.environ.get("SSH_AUTH_SOCK", ""))


def _public_blob(path: Path) -> bytes:
    """The key in the `.pub` file beside an identity file; empty when there is none."""
    try:
        return base64.b64decode(path.with_name(path.name + ".pub").read_text("utf-8").split()[1])
    except (OSError, ValueError, IndexError):
        return b""


def _load(path: Path, problems: list[str]) -> paramiko.PKey | None:
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        problems.append(f"the identity file {path} cannot be read: {error.strerror}")
    except (TypeError, paramiko.PasswordRequiredException):
        # cryptography says "password-protected" with a TypeError.
        problems.append(f"the identity file {path} is encrypted: add it to the ssh-agent (ssh-add {path})")
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException, paramiko.pkey.UnknownKeyType):
        problems.append(f"the identity file {path} holds no private key that can be used")
    return None
