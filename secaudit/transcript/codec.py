"""The canonical form of a transcript: a JSON head that names every output by its sha256, and the outputs as blobs.

The head is ASCII JSON with sorted keys and no spaces, times as UTC with microseconds, durations in microseconds. The
same transcript gives the same bytes, so the sha256 of the head (which holds the digests of the blobs) identifies it.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from secaudit.model.answer import Answer, AnswerStatus, HostTranscript, Reach
from secaudit.model.errors import UserError
from secaudit.model.request import LARGEST_LIMIT, Command, PortScan, Request

SCHEMA: Final = "secaudit.transcript/1"
BLOB_LIMIT = LARGEST_LIMIT
"""Nothing is longer than this when it is expanded."""

_MICROSECOND = timedelta(microseconds=1)
_LONGEST = timedelta(days=3660) // _MICROSECOND
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)

M = TypeVar("M", bound=BaseModel)


class TranscriptError(UserError):
    """A transcript or bundle cannot be read or written; the text says what is wrong, for people."""


def show_moment(moment: datetime) -> str:
    """An aware time as `2026-11-24T06:30:00.000000Z`. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_moment(text: object) -> datetime:
    """The aware UTC time that `show_moment` wrote (a datetime is passed through). Raises ValueError otherwise."""
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError(f"{str(text)[:40]!r} is not a UTC time with microseconds")
    return datetime.fromisoformat(text)


Moment = Annotated[datetime, BeforeValidator(parse_moment), PlainSerializer(show_moment)]
"""A time as documents hold it."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Microseconds = Annotated[int, Field(ge=-_LONGEST, le=_LONGEST)]


class Document(BaseModel):
    """Base of everything that is stored as JSON: exact types, unknown keys refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Command(Document):
    type: Literal["command"]
    argv: list[str]
    root: bool
    timeout: Microseconds
    limit: Annotated[int, Field(ge=0)]
    refusals: list[str]

    def request(self) -> Command:
        timeout = self.timeout * _MICROSECOND
        return Command(tuple(self.argv), self.root, timeout, self.limit, tuple(self.refusals), is_recorded=True)


class _PortScan(Document):
    type: Literal["port_scan"]
    protocol: str
    ports: str
    timeout: Microseconds
    limit: Annotated[int, Field(ge=0)]

    def request(self) -> PortScan:
        return PortScan(self.protocol, self.ports, self.timeout * _MICROSECOND, self.limit)


class _Answer(Document):
    request: Annotated[_Command | _PortScan, Field(discriminator="type")]
    status: Literal["ended", "denied", "missing", "timeout", "lost", "limit", "not_recorded"]
    asked: Moment | None = None
    started: Moment
    duration: Microseconds
    exit: Annotated[int, Field(ge=-(2**31), lt=2**31)] | None
    stdout: Digest
    stderr: Digest
    truncated: bool
    detail: str


class _Head(Document):
    schema_: Literal["secaudit.transcript/1"] = Field(alias="schema")
    customer: str
    site: str
    host: str
    address: str
    opened: Moment
    closed: Moment
    reach: Literal["complete", "partial", "unreachable"]
    detail: str
    answers: list[_Answer]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A transcript as bytes: its digest (hex), the canonical head, and the outputs it names by sha256 (hex)."""

    digest: str
    head: bytes
    blobs: Mapping[str, bytes]


def encode(transcript: HostTranscript) -> Encoded:
    """The canonical form of a transcript. Raises TranscriptError when one of its times has no zone."""
    blobs: dict[str, bytes] = {}

    def keep(data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        blobs[name] = data
        return name

    try:
        head = {
            "schema": SCHEMA,
            "customer": transcript.customer,
            "site": transcript.site,
            "host": transcript.host,
            "address": transcript.address,
            "opened": show_moment(transcript.opened),
            "closed": show_moment(transcript.closed),
            "reach": transcript.reach.value,
            "detail": transcript.detail,
            "answers": [_encode_answer(answer, keep) for answer in transcript.answers],
        }
    except ValueError as error:
        raise TranscriptError(f"the transcript of {transcript.host!r} cannot be written: {error}") from error
    data = canonical_json(head)
    return Encoded(hashlib.sha256(data).hexdigest(), data, blobs)


def digest(transcript: HostTranscript) -> str:
    """The identity of a transcript: sha256 (hex) over its canonical head, which names every output by its sha256."""
    return encode(transcript).digest


def decode(
    head: bytes,
    fetch: Callable[[Collection[str]], Mapping[str, bytes]],
    wanted: Collection[Request] | None = None,
) -> HostTranscript:
    """Read what `encode` wrote; with `wanted` only the answers to these requests.

    `fetch` is called once with the digests of all outputs and returns those it has; it vouches for their content.
    Raises TranscriptError when the head is malformed or an output is missing.
    """
    read = parse_document(_Head, head, "the transcript")
    try:
        chosen = [answer for answer in read.answers if wanted is None or answer.request.request() in wanted]
        blobs = fetch({name for answer in chosen for name in (answer.stdout, answer.stderr)})
        answers = tuple(_decode_answer(answer, blobs) for answer in chosen)
    except KeyError as error:
        raise TranscriptError(f"the transcript of {read.host!r} lacks the output {error.args[0]}") from error
    except ValueError as error:
        raise TranscriptError(f"the transcript of {read.host!r} holds an impossible request: {error}") from error
    return HostTranscript(
        customer=read.customer,
        site=read.site,
        host=read.host,
        address=read.address,
        opened=read.opened,
        closed=read.closed,
        reach=Reach(read.reach),
        detail=read.detail,
        answers=answers,
    )


def outputs(head: bytes) -> frozenset[str]:
    """The digests (hex) of the outputs that a transcript names. Raises TranscriptError when the head is malformed."""
    read = parse_document(_Head, head, "the transcript")
    return frozenset(name for answer in read.answers for name in (answer.stdout, answer.stderr))


def compress(data: bytes) -> bytes:
    """How blobs and heads are kept."""
    return zlib.compress(data, 6)


def expand(data: bytes, limit: int = BLOB_LIMIT) -> bytes:
    """Undo `compress` without ever holding more than `limit` bytes. Raises TranscriptError for anything else."""
    inflate = zlib.decompressobj()
    try:
        expanded = inflate.decompress(data, limit + 1)
    except zlib.error as error:
        raise TranscriptError(f"the data is not a zlib stream: {error}") from error
    if len(expanded) > limit:
        raise TranscriptError(f"the data expands to more than {limit} bytes")
    if not inflate.eof or inflate.unused_data:
        raise TranscriptError("the data is not one complete zlib stream")
    return expanded


def canonical_json(document: Mapping[str, object] | Sequence[object]) -> bytes:
    """ASCII JSON with sorted keys and without spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse_document(model: type[M], data: bytes, what: str) -> M:
    """Validate JSON against a document model. Raises TranscriptError that begins with `what` and names the place."""
    try:
        return model.model_validate(json.loads(data))
    except ValidationError as error:
        raise TranscriptError(f"{what} is malformed: {first_error(error)}") from error
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{what} is not JSON: {error}") from error


def first_error(error: ValidationError) -> str:
    """The first complaint of pydantic as `answers.3.exit: …`."""
    found = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}" if place else found["msg"]


def _encode_answer(answer: Answer, keep: Callable[[bytes], str]) -> dict[str, object]:
    return {
        "request": _encode_request(answer.request),
        "status": answer.status.value,
        **({"asked": show_moment(answer.asked)} if answer.asked else {}),
        "started": show_moment(answer.started),
        "duration": answer.duration // _MICROSECOND,
        "exit": answer.exit,
        "stdout": keep(answer.stdout),
        "stderr": keep(answer.stderr),
        "truncated": answer.truncated,
        "detail": answer.detail,
    }


def _encode_request(request: Request) -> dict[str, object]:
    bounds: dict[str, object] = {"timeout": request.timeout // _MICROSECOND, "limit": request.limit}
    if isinstance(request, PortScan):
        return {"type": "port_scan", "protocol": request.protocol, "ports": request.ports, **bounds}
    return {
        "type": "command",
        "argv": request.argv,
        "root": request.root,
        "refusals": request.refusals,
        **bounds,
    }


def _decode_answer(read: _Answer, blobs: Mapping[str, bytes]) -> Answer:
    return Answer(
        request=read.request.request(),
        status=AnswerStatus(read.status),
        started=read.started,
        duration=read.duration * _MICROSECOND,
        exit=read.exit,
        stdout=blobs[read.stdout],
        stderr=blobs[read.stderr],
        truncated=read.truncated,
        detail=read.detail,
        asked=read.asked,
    )
