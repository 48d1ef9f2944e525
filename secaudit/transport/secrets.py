"""Passwords from where the inventory says they are; their values are kept in memory only and never shown."""

from __future__ import annotations

import os
import subprocess
from importlib import import_module
from pathlib import Path
from threading import Lock

from secaudit.model.errors import UserError
from secaudit.model.inventory import SecretKind, SecretSource
from secaudit.transport.interface import TransportError

_COMMAND_LIMIT = 60.0


class SecretUnavailable(TransportError, UserError):
    """A secret could not be read; the text names its source, never its value."""


class Secrets:
    """Reads each secret once, so that a password manager asks its user once for many hosts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[SecretSource, str] = {}

    def __repr__(self) -> str:
        return f"<{len(self._known)} secrets>"

    def get(self, source: SecretSource) -> str:
        """The secret. Raises SecretUnavailable, also for one that is empty."""
        with self._lock:
            if source not in self._known:
                self._known[source] = _read(source)
            return self._known[source]


def _read(source: SecretSource) -> str:
    readers = {
        SecretKind.ENV: _from_environment,
        SecretKind.FILE: _from_file,
        SecretKind.COMMAND: _from_command,
        SecretKind.KEYRING: _from_keyring,
    }
    secret = readers[source.kind](source.value)
    if not secret:
        raise SecretUnavailable(f"the secret from {_label(source)} is empty")
    if "\n" in secret or "\0" in secret:
        raise SecretUnavailable(f"the secret from {_label(source)} has more than one line")
    return secret


def _label(source: SecretSource) -> str:
    # Of a command only the program: its arguments are not ours to show.
    name = source.value if isinstance(source.value, str) else source.value[0]
    return f"{source.kind} {name}"


def _from_environment(value: str | tuple[str, ...]) -> str:
    name = _text(value)
    try:
        return os.environ[name]
    except KeyError:
        raise SecretUnavailable(f"the environment variable {name} is not set") from None


def _from_file(value: str | tuple[str, ...]) -> str:
    path = Path(_text(value)).expanduser()
    try:
        return path.read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise SecretUnavailable(f"the secret file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SecretUnavailable(f"the secret file {path} is not UTF-8 text") from None


def _from_command(value: str | tuple[str, ...]) -> str:
    argv = (value,) if isinstance(value, str) else value
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMMAND_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise SecretUnavailable(f"{argv[0]} gave no secret within {_COMMAND_LIMIT:g} s") from None
    except OSError as error:
        raise SecretUnavailable(f"{argv[0]} cannot be run for a secret: {error.strerror}") from error
    if done.returncode != 0:
        raise SecretUnavailable(f"{argv[0]} gave no secret: exit code {done.returncode}")
    try:
        return done.stdout.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise SecretUnavailable(f"the secret that {argv[0]} gave is not UTF-8 text") from None


def _from_keyring(value: str | tuple[str, ...]) -> str:
    service, separator, user = _text(value).partition("/")
    if not separator or not service or not user:
        raise SecretUnavailable(f"a keyring entry is written service/user, not {_text(value)!r}")
    try:
        keyring, errors = import_module("keyring"), import_module("keyring.errors")
    except ImportError:
        raise SecretUnavailable("secrets from a keyring need the package secaudit[keyring]") from None
    try:
        secret = keyring.get_password(service, user)
    except errors.KeyringError as error:
        raise SecretUnavailable(f"the keyring cannot be read: {type(error).__name__}") from error
    if secret is None:
        raise SecretUnavailable(f"the keyring has no entry {service}/{user}")
    return str(secret)


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)
