"""Signed statements about files: an in-toto statement (https://in-toto.io/Statement/v1) in a DSSE envelope.

The statement names the file by its sha256 and says what it was made from: runs, transcripts and the end of the store's
chain. It lies beside the file, so that the file itself stays what it is.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from secaudit.export.results import show_time
from secaudit.model.signing import (
    MAX_ENVELOPE,
    Envelope,
    PublicKey,
    SigningError,
    SigningKey,
    WrongSignatureError,
    seal,
)

SUFFIX = ".intoto.json"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:secaudit:origin:1"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file was made from. `signed` is when (aware UTC); `kind` is `technical`, `monthly`, `fleet` or `bundle`.

    `transcripts` are the sha256 (hex) of each host's (`customer/host`), `chain` the length and digest of the store's
    chain at that moment, None without a store. `files` are the sha256 (hex) of what people wrote: contracts, ledgers,
    probes and waivers, by their names.
    """

    kind: str
    version: str
    signed: datetime
    runs: tuple[str, ...]
    transcripts: Mapping[str, str]
    chain: tuple[int, str] | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attested:
    """A file that is as it was signed: by which key, and what it was made from."""

    path: Path
    key: PublicKey
    origin: Origin


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Chain(_Strict):
    length: int = Field(ge=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _Predicate(_Strict):
    kind: str
    version: str
    signed: datetime
    runs: tuple[str, ...]
    transcripts: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]
    chain: _Chain | None
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(default_factory=dict)


class _Digest(_Strict):
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _Subject(_Strict):
    name: str
    digest: _Digest


class _Statement(BaseModel):
    type_: str = Field(alias="_type")
    subject: tuple[_Subject, ...]
    predicateType: str  # noqa: N815 - in-toto's own name
    predicate: dict[str, Any]


def statement_path(path: Path) -> Path:
    """Where the statement about a file lies."""
    return path.with_name(path.name + SUFFIX)


def attest(path: Path, origin: Origin, key: SigningKey) -> bytes:
    """The signed statement about the file as it is now. Raises OSError when it cannot be read."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": path.name, "digest": {"sha256": _sha256(path)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "kind": origin.kind,
            "version": origin.version,
            "signed": show_time(origin.signed),
            "runs": list(origin.runs),
            "transcripts": dict(sorted(origin.transcripts.items())),
            "chain": {"length": origin.chain[0], "sha256": origin.chain[1]} if origin.chain else None,
            "files": dict(sorted(origin.files.items())),
        },
    }
    return seal(json.dumps(statement, sort_keys=True, separators=(",", ":")).encode("ascii"), PAYLOAD, key)


def check(path: Path, keys: Sequence[PublicKey]) -> Attested:
    """Hold a file against the statement beside it.

    Raises SigningError when there is none, or it is not one of ours; WrongSignatureError when no trusted key signed it
    or the file is not the one that was signed, under the name that it was signed with: last month's report is no
    report of this month.
    """
    beside = statement_path(path)
    try:
        digest = _sha256(path)
        with _regular(beside) as file:
            data = file.read(MAX_ENVELOPE + 1)
    except FileNotFoundError as error:
        if error.filename == str(path):
            raise SigningError(f"{path}: {error.strerror}") from None
        raise SigningError(f"{path}: not signed, for there is no {beside.name} beside it") from None
    except OSError as error:
        raise SigningError(f"{error.filename or path}: {error.strerror or error}") from None
    envelope = Envelope.parse(data, str(beside))
    key = envelope.verified(keys, str(beside))
    statement = _read(envelope, beside)
    signed_as = [subject.name for subject in statement.subject if subject.digest.sha256 == digest]
    if not signed_as:
        raise WrongSignatureError(f"{path}: changed since it was signed: its sha256 is {digest}")
    if path.name not in signed_as:
        raise WrongSignatureError(f"{path}: renamed since it was signed: its statement is about {signed_as[0]}")
    try:
        told = _Predicate.model_validate(statement.predicate)
    except ValidationError as error:
        raise SigningError(f"{beside}: {error.errors()[0]['msg']}") from None
    chain = (told.chain.length, told.chain.sha256) if told.chain else None
    return Attested(
        path, key, Origin(told.kind, told.version, told.signed, told.runs, told.transcripts, chain, told.files)
    )


def _read(envelope: Envelope, beside: Path) -> _Statement:
    try:
        statement = _Statement.model_validate_json(envelope.payload)
    except ValidationError as error:
        raise SigningError(f"{beside}: {error.errors()[0]['msg']}") from None
    found = (envelope.kind, statement.type_, statement.predicateType)
    if found != (PAYLOAD, STATEMENT, PREDICATE):
        raise SigningError(f"{beside}: signed, but not a statement about a file of secaudit")
    return statement


def _regular(path: Path) -> BufferedReader:
    """Open a file for reading; one that never ends or blocks (a pipe, a device) is an OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def _sha256(path: Path) -> str:
    with _regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
