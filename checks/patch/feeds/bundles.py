"""All feeds in one file, for scanners that cannot reach the places where feeds come from."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from secaudit.model.signing import Envelope, PublicKey, SigningKey, seal

from .documents import explained
from .importing import locked, switch
from .index import INDEX, Index, Part, read_index, read_part
from .intake import WHOLE, refuse_future, united
from .records import FeedError
from .schema import MAX_PART, refuse_hostile

SUFFIX = ".feeds.tar"
SEAL = f"{INDEX}.dsse"
"""The member that holds the signed index; the index holds the sha256 of every part, so that all of it is signed."""

SEALED_KIND = "application/vnd.secaudit.feeds+json"
_MAX_INDEX = 4 * 1024 * 1024


def is_bundle(path: Path) -> bool:
    """Whether a path is called like a bundle."""
    return path.name.endswith(SUFFIX)


def export_bundle(directory: Path, file: Path, key: SigningKey | None = None) -> int:
    """Write everything that is in use to `file`, signed when there is a key, and return the number of parts.

    Raises FeedError when there is nothing, a part is damaged, or the file cannot be written.
    """
    if not is_bundle(file):
        raise FeedError(f"{file}: a bundle is called something{SUFFIX}")
    index = read_index(directory)
    if not index.parts:
        raise FeedError(f"no feed was imported into {directory}")
    for part in index.parts:
        read_part(directory, part)
    new = file.with_name(f"{file.name}.new")
    try:
        with tarfile.open(new, "w") as bundle:
            data = (directory / INDEX).read_bytes()
            _add(bundle, INDEX, data)
            if key is not None:
                _add(bundle, SEAL, seal(data, SEALED_KIND, key))
            for name in sorted({part.file for part in index.parts}):
                bundle.add(directory / name, name)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise FeedError(f"{file}: {error.strerror or error}") from None
    return len(index.parts)


def import_bundle(file: Path, directory: Path, now: datetime, trusted: Sequence[PublicKey] = ()) -> tuple[Part, ...]:
    """Put the parts of a bundle in the place of those that are there; `now` is aware UTC.

    Every part must have the sha256 that the bundle's index names, and with `trusted` keys one of them must have signed
    that index. Raises FeedError, SigningError or WrongSignatureError, and then everything is as it was.
    """
    with locked(directory), tempfile.TemporaryDirectory(prefix="import-", dir=directory) as scratch:
        try:
            with explained(str(file)), tarfile.open(file, "r:") as bundle:
                index = _index(bundle, file, trusted)
                for part in index.parts:
                    refuse_future(part.at, now, f"{file}: {part.name}")
                for name in sorted({part.file for part in index.parts}):
                    _take(bundle, name, Path(scratch), file)
                    refuse_hostile(Path(scratch) / name, f"{file}: {name}")
        except tarfile.TarError as error:
            raise FeedError(f"{file}: damaged or incomplete: {error}") from None
        here = read_index(directory)
        parts = tuple(_beside(directory, Path(scratch), part, here.of(part.feed, part.release)) for part in index.parts)
        switch(directory, here, parts)
        return parts


def _beside(directory: Path, scratch: Path, part: Part, old: Part | None) -> Part:
    """Bring a part of a bundle into the directory, together with what came here from sources that it does not know."""
    names = {one.name for one in part.sources}
    ours = tuple(one for one in old.sources if one.name not in names) if old is not None else ()
    if old is not None and ours and part.feed in WHOLE and old.at > part.at:
        return old
    if old is None or not ours or part.feed in WHOLE:
        # Two parts may be one file: those in which nothing is stated any more.
        if (scratch / part.file).exists():
            (scratch / part.file).replace(directory / part.file)
        return part
    read_part(directory, old)
    return united(directory, scratch, part, ((scratch / part.file, part.origins), (directory / old.file, ours)))


def _add(bundle: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    bundle.addfile(member, io.BytesIO(data))


def _next(bundle: tarfile.TarFile, name: str, limit: int) -> bytes | None:
    """The next member, when it is a file of this name; None for another one, or when there is none."""
    member = bundle.next()
    stream = bundle.extractfile(member) if member is not None and member.name == name and member.isfile() else None
    return None if stream is None else stream.read(limit)


def _index(bundle: tarfile.TarFile, file: Path, trusted: Sequence[PublicKey]) -> Index:
    data = _next(bundle, INDEX, _MAX_INDEX)
    if data is None:
        raise FeedError(f"{file}: not a bundle of feeds")
    if trusted:
        # Nothing is looked at that no trusted key has signed.
        sealed = _next(bundle, SEAL, 2 * _MAX_INDEX)
        if sealed is None:
            raise FeedError(f"{file}: nobody signed this bundle; `secaudit feed export --sign KEY` signs one")
        envelope = Envelope.parse(sealed, f"{file}: {SEAL}")
        envelope.verified(trusted, str(file))
        if envelope.kind != SEALED_KIND or envelope.payload != data:
            raise FeedError(f"{file}: what was signed is another index than the one in the bundle")
    try:
        return Index.model_validate_json(data)
    except ValidationError as error:
        raise FeedError(f"{file}: {INDEX}: {error.errors()[0]['msg']}") from None


def _take(bundle: tarfile.TarFile, name: str, scratch: Path, file: Path) -> None:
    """Unpack one part under its own name, which is the sha256 that it must have."""
    try:
        member = bundle.getmember(name)
    except KeyError:
        raise FeedError(f"{file}: the part {name} is not in it") from None
    stream = bundle.extractfile(member) if member.isfile() and member.size <= MAX_PART else None
    if stream is None:
        raise FeedError(f"{file}: {name} is no file, or larger than a part can be")
    digest = hashlib.sha256()
    with (scratch / name).open("wb") as out:
        while data := stream.read(1 << 20):
            digest.update(data)
            out.write(data)
    if f"{digest.hexdigest()}.sqlite" != name:
        raise FeedError(f"{file}: {name} is damaged: its sha256 is another")
