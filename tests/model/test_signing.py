"""Keys and envelopes: what was signed verifies, here and with OpenSSL; what was touched does not."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.signing import Envelope, PublicKey, SigningError, SigningKey, WrongSignatureError, seal

KIND = "application/vnd.in-toto+json"
KEY = SigningKey.new()


@given(st.binary(max_size=200))
def test_what_is_sealed_verifies(payload: bytes) -> None:
    envelope = Envelope.parse(seal(payload, KIND, KEY), "it")
    assert envelope.verified([SigningKey.new().public, KEY.public], "it") == KEY.public
    assert (envelope.payload, envelope.kind) == (payload, KIND)


def _written(document: object) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"


@pytest.mark.parametrize("field", ["payload", "payloadType"])
def test_what_was_changed_does_not(field: str) -> None:
    document = json.loads(seal(b"all is well", KIND, KEY))
    document[field] = base64.b64encode(b"all is bad").decode() if field == "payload" else "text/plain"
    with pytest.raises(WrongSignatureError, match="it: no trusted key"):
        Envelope.parse(_written(document), "it").verified([KEY.public], "it")


def test_a_key_id_alone_proves_nothing() -> None:
    other = SigningKey.new()
    document = json.loads(seal(b"x", KIND, other))
    document["signatures"][0]["keyid"] = KEY.public.id
    with pytest.raises(WrongSignatureError):
        Envelope.parse(_written(document), "it").verified([KEY.public], "it")


def test_an_envelope_has_one_form() -> None:
    data = seal(b"x", KIND, KEY)
    assert _written(json.loads(data)) == data
    for other in (
        json.dumps(json.loads(data)).encode(),
        data + b"\n",
        data.replace(b'"keyid"', b'"keyid": "a", "keyid"'),
    ):
        with pytest.raises(WrongSignatureError, match="it: changed"):
            Envelope.parse(other, "it")


def test_keys_are_written_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    public = KEY.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.read(path).public == KEY.public == PublicKey.read(public)
    with pytest.raises(SigningError, match="there already"):
        SigningKey.new().write(path)
    assert SigningKey.read(path).public == KEY.public


def test_openssl_reads_the_keys_and_verifies_the_signature(tmp_path: Path) -> None:
    public = KEY.write(tmp_path / "audit.key")
    document = json.loads(seal(b"payload", KIND, KEY))
    signed = tmp_path / "signed"
    signed.write_bytes(b"DSSEv1 28 application/vnd.in-toto+json 7 payload")
    signature = tmp_path / "signature"
    signature.write_bytes(base64.b64decode(document["signatures"][0]["sig"]))
    argv = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin", "-in", str(signed)]
    done = subprocess.run([*argv, "-sigfile", str(signature)], capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a private key"),
        (b"\xff" * 20_000, "too large"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "not an Ed25519 key"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
            ),
            "password",
        ),
    ],
)
def test_other_keys_are_refused_without_showing_them(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningError, match=why):
        SigningKey.read(path)
    with pytest.raises(SigningError):
        PublicKey.read(path)
    assert "PRIVATE" not in repr(KEY)


@given(
    st.binary(max_size=100)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_rubbish_is_no_envelope(data: bytes) -> None:
    with pytest.raises(SigningError, match="it: not a signature envelope"):
        Envelope.parse(data, "it")
