"""Ed25519 signatures (RFC 8032) over files, in envelopes that other tools read.

Keys are PEM files as `openssl genpkey -algorithm ed25519` writes them (PKCS #8, SubjectPublicKeyInfo). An envelope is a
DSSE one, protocol version 1.0.2 (https://github.com/secure-systems-lab/dsse), so that cosign and in-toto verify it too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from secaudit.model.errors import UserError

_MAX_KEY = 16 * 1024
_ID_SHOWN = len("sha256:") + 64
MAX_ENVELOPE = 64 * 1024 * 1024


class SigningError(UserError):
    """A key or an envelope cannot be used; the text says which and why, and never holds key material."""


class WrongSignatureError(UserError):
    """Something was not signed by any of the trusted keys as it is now."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are verified with. `id` is `sha256:` and the digest of its 32 raw bytes."""

    id: str
    _key: Ed25519PublicKey

    @classmethod
    def of(cls, key: Ed25519PublicKey) -> PublicKey:
        """The key with its id."""
        return cls(f"sha256:{hashlib.sha256(key.public_bytes_raw()).hexdigest()}", key)

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Read a PEM file. Raises SigningError."""
        try:
            key = load_pem_public_key(_read(path))
        except (ValueError, UnsupportedAlgorithm):
            raise SigningError(f"{path}: not a public key in PEM; `secaudit keys new` makes one") from None
        if not isinstance(key, Ed25519PublicKey):
            raise SigningError(f"{path}: not an Ed25519 key")
        return cls.of(key)

    @property
    def pem(self) -> bytes:
        """The key as SubjectPublicKeyInfo in PEM."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is this key's over the data."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key; never shown."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey.of(key.public_key())

    @classmethod
    def new(cls) -> SigningKey:
        """A fresh key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """Read a PEM file without a password. Raises SigningError."""
        try:
            key = load_pem_private_key(_read(path), password=None)
        except TypeError:
            raise SigningError(f"{path}: the key has a password; keys are protected by their file mode here") from None
        except (ValueError, UnsupportedAlgorithm):
            raise SigningError(f"{path}: not a private key in PEM; `secaudit keys new` makes one") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningError(f"{path}: not an Ed25519 key")
        _refuse_shared(path)
        return cls(key)

    def write(self, path: Path) -> Path:
        """Write the key to a new file for its owner alone, and the public one to `PATH.pub`; returns the latter.

        Raises SigningError when one of them is there already: a key that is lost is worse than a command that fails.
        """
        public = path.with_name(f"{path.name}.pub")
        try:
            if public.exists():
                raise FileExistsError
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - mode from the first moment on
                out.write(self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            with public.open("xb") as out:
                out.write(self.public.pem)
        except FileExistsError:
            raise SigningError(f"{path} or {public} is there already; nothing was written") from None
        except OSError as error:
            raise SigningError(f"{path}: {error.strerror or error}") from None
        return public

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes; the same data give the same."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        return f"<signing key {self.public.id}>"


def seal(payload: bytes, kind: str, key: SigningKey) -> bytes:
    """A DSSE envelope around a payload of the media type `kind`: JSON with a newline at the end."""
    return Envelope(kind, payload, ((key.public.id, key.sign(_authenticated(kind, payload))),)).written()


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope, which nobody has verified yet.

    JSON says one thing in many ways, and a signature covers the payload only. So one that was read has to be what
    `written` makes of it, byte for byte: nobody can put a second payload into it that other readers take.
    """

    kind: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @classmethod
    def parse(cls, data: bytes, name: str) -> Envelope:
        """Read an envelope; `name` is what errors call it. Raises SigningError, WrongSignatureError if rewritten."""
        if len(data) > MAX_ENVELOPE:
            raise SigningError(f"{name}: too large for a signature")
        try:
            document = json.loads(data)
            signatures = tuple(
                (str(one.get("keyid", "")), base64.b64decode(one["sig"], validate=True))
                for one in document["signatures"]
            )
            payload = base64.b64decode(document["payload"], validate=True)
            envelope = cls(str(document["payloadType"]), payload, signatures)
        except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, RecursionError):
            raise SigningError(f"{name}: not a signature envelope (DSSE, JSON)") from None
        if envelope.written() != data:
            raise WrongSignatureError(f"{name}: changed: an envelope, but not as it was written when it was signed")
        return envelope

    def written(self) -> bytes:
        """The one form in which an envelope is kept: JSON, indented by two, with a newline at the end."""
        signatures = [{"keyid": id_, "sig": _base64(signature)} for id_, signature in self.signatures]
        document = {"payloadType": self.kind, "payload": _base64(self.payload), "signatures": signatures}
        return json.dumps(document, indent=2).encode("ascii") + b"\n"

    def verified(self, keys: Sequence[PublicKey], name: str) -> PublicKey:
        """The first of the trusted keys that signed the payload. Raises WrongSignatureError.

        Key ids in an envelope are hints that nobody signed; every trusted key is tried, and has to be the one named.
        """
        data = _authenticated(self.kind, self.payload)
        for key in keys:
            for id_, signature in self.signatures:
                if key.verifies(signature, data) and id_ == key.id:
                    return key
        named = ", ".join(id_[:_ID_SHOWN] or "a key without id" for id_, _ in self.signatures[:3]) or "nobody"
        raise WrongSignatureError(f"{name}: no trusted key signed this (it names {named})")


def _authenticated(kind: str, payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of type and payload."""
    encoded = kind.encode("utf-8", "surrogatepass")
    return b"DSSEv1 %d %s %d %s" % (len(encoded), encoded, len(payload), payload)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _refuse_shared(path: Path) -> None:
    """Whoever else reads the key signs as its owner, and whoever else writes it chooses who signs."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SigningError(f"{path}: others may read or write the key (mode {mode:04o}); run chmod 600 {path}")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_KEY + 1)
    except OSError as error:
        raise SigningError(f"{path}: {error.strerror or error}") from None
    if len(data) > _MAX_KEY:
        raise SigningError(f"{path}: too large for a key")
    return data
