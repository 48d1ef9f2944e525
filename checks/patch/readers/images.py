"""Container images: what Docker's daemon and the store of Podman and CRI-O say is there, and what uses it.

Docker is asked only where its daemon runs, because a question would start it through its socket. Podman is not asked
at all, because `podman image ls` writes to its lock files: its store is read instead. Of images only names, digests and
dates are looked at, never what is inside of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from secaudit.api import MIB, Answer, Answers, Command, Evidence, Unproven, UnprovenKind, attempt
from secaudit.model.safe_text import visible_line

_DOCKER_ASKED = ("/usr/bin/docker", "--host", "unix:///run/docker.sock")
# The daemon writes its process id there when it starts and removes it when it ends (dockerd(8), --pidfile).
_IF_DOCKER = ("/usr/bin/find", "/run", "-maxdepth", "1", "-name", "docker.pid", "-print", "-exec")
# A template with a blank in it could not be named in a sudoers file: `.|json` is `json .`.
DOCKER_IMAGES = Command(
    (*_IF_DOCKER, *_DOCKER_ASKED, "image", "ls", "--all", "--digests", "--no-trunc", "--format", "{{.|json}}", ";"),
    root=True,
    limit=8 * MIB,
)
# Two columns and not `{{.|json}}`: the command lines and labels of containers may hold secrets.
DOCKER_CONTAINERS = Command(
    (*_IF_DOCKER, *_DOCKER_ASKED, "ps", "--no-trunc", "--format", "[{{.Names|json}},{{.Image|json}}]", ";"),
    root=True,
    limit=8 * MIB,
)
# containers/storage, "images.json" and "containers.json" in a folder for each driver: overlay-images, vfs-images.
STORE = Command(
    ("/usr/bin/find", "/var/lib", "-maxdepth", "2", "-path", "/var/lib/containers/storage"),
    root=True,
)
_SHOWN = ("-exec", "/usr/bin/grep", "-H", "-e", ".", "{}", ";")
STORED = Command(
    (
        *("/usr/bin/find", "/var/lib/containers/storage", "-mindepth", "2", "-maxdepth", "2"),
        *("-name", "images.json", *_SHOWN, "-o", "-name", "containers.json", *_SHOWN),
        *("-o", "-name", "volatile-containers.json", *_SHOWN),
    ),
    root=True,
    limit=16 * MIB,
)

_PLACE = re.compile(
    r"/var/lib/containers/storage/[a-z0-9]+-(?P<kind>images|containers)/(?:volatile-)?(?:images|containers)\.json:"
    r"(?P<text>.*)",
    re.ASCII,
)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_NONE = "<none>"
# Builds that give the same bytes each time date their images 1970 or 1980, which says nothing about their age.
_NO_DATE_BEFORE = datetime(1981, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """An image on the host. `names` are `registry/repository:tag` as the engine has them, none when no tag is on it.

    `digest` is the one of its manifest, empty where the engine knows none. `created` is when it was built (aware UTC),
    None when it does not tell. `containers` are the names of the containers that use it.
    """

    id: str
    names: tuple[str, ...]
    digest: str
    created: datetime | None
    containers: tuple[str, ...] = ()
    started_as: tuple[str, ...] = ()
    """What the containers were told to run: a name, a name with a digest, or the id."""


@dataclass(frozen=True, slots=True)
class EngineImages:
    """All images of one engine. `lost` are containers whose image is not among them."""

    images: tuple[ContainerImage, ...]
    lost: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class ContainerImages:
    """By engine (`docker`, `podman`): its images, None where there is no such engine, or why they are not known."""

    found: Mapping[str, EngineImages | Unproven | None]


@dataclass(frozen=True, slots=True)
class _Container:
    name: str
    image: str
    started_as: str


def read_container_images(answers: Answers) -> ContainerImages:
    """What both engines have; trouble with one leaves the other as it is."""
    return ContainerImages({"docker": attempt(_docker, answers), "podman": attempt(_podman, answers)})


def _docker(answers: Answers) -> EngineImages | None:
    listed, running = answers.ended(DOCKER_IMAGES), answers.ended(DOCKER_CONTAINERS)
    if not listed.text and not running.text:
        return None
    images: dict[str, ContainerImage] = {}
    by_digest: dict[str, str] = {}
    # A row for each tag and digest: one image may have several of both.
    for row in _docker_rows(listed):
        try:
            name = "" if _NONE in (row["Repository"], row["Tag"]) else f"{row['Repository']}:{row['Tag']}"
            digest = row["Digest"] if _DIGEST.fullmatch(row["Digest"]) else ""
            created = _built(datetime.strptime(row["CreatedAt"][:25], "%Y-%m-%d %H:%M:%S %z"))
            known = images.get(row["ID"])
            names = dict.fromkeys((*(known.names if known else ()), *((name,) if name else ())))
            images[row["ID"]] = ContainerImage(row["ID"], tuple(names), digest, created)
            if digest:
                by_digest[digest] = row["ID"]
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise _unknown(listed) from None
    by_name = {name: image.id for image in images.values() for name in image.names}
    used = []
    for row in _docker_rows(running):
        try:
            name, started_as = _text(row[0]), _text(row[1])
            named, _, digest = started_as.partition("@")
            # Docker shows the id where the name has moved on to another image.
            id_ = by_digest.get(digest, "") if digest else by_name.get(named) or by_name.get(f"{named}:latest") or named
            if _HEX.fullmatch(id_):
                id_ = f"sha256:{id_}"
            used.append(_Container(name, id_, started_as))
        except (KeyError, IndexError, TypeError):
            raise _unknown(running) from None
    return _joined(images, used, (listed.evidence(), running.evidence()))


def _docker_rows(answer: Answer) -> Iterator[Any]:
    """The rows after the line with which find(1) shows that the daemon runs; that line alone is a failed question."""
    lines = answer.lines
    if not lines or lines[0] != "/run/docker.pid":
        raise _unknown(answer)
    if answer.stderr.strip():
        reason = "docker reports an error: " + visible_line(answer.stderr.decode("utf-8", "replace").splitlines()[0])
        raise Unproven(UnprovenKind.ERROR, reason[:200], (answer.evidence(),))
    for line in lines[1:]:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            raise _unknown(answer) from None


def _podman(answers: Answers) -> EngineImages | None:
    if not answers.ended(STORE).text.strip():
        return None
    answer = answers.ended(STORED)
    images: dict[str, ContainerImage] = {}
    used: list[_Container] = []
    try:
        for kind, entry in _store_entries(answer):
            if kind == "images":
                created = entry.get("created")
                images[entry["id"]] = ContainerImage(
                    id=_text(entry["id"]),
                    names=tuple(_text(name) for name in entry.get("names") or ()),
                    digest=_text(entry.get("digest") or ""),
                    created=_built(datetime.fromisoformat(_seconds(created))) if created else None,
                )
            elif entry.get("image"):
                told = json.loads(entry.get("metadata") or "{}")
                name = (entry.get("names") or [entry["id"][:12]])[0]
                used.append(_Container(_text(name), _text(entry["image"]), _text(told.get("image-name") or "")))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError):
        raise _unknown(answer) from None
    return _joined(images, used, (answer.evidence(),))


def _store_entries(answer: Answer) -> Iterator[tuple[str, Any]]:
    texts: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for line in answer.lines:
        found = _PLACE.fullmatch(line)
        if found is None:
            raise _unknown(answer)
        place = line[: found.start("text")]
        kinds[place] = found["kind"]
        texts.setdefault(place, []).append(found["text"])
    for place, lines in texts.items():
        for entry in json.loads("\n".join(lines)) or ():
            yield kinds[place], entry


def _joined(
    images: Mapping[str, ContainerImage], used: list[_Container], evidence: tuple[Evidence, ...]
) -> EngineImages:
    by_image: dict[str, list[_Container]] = {}
    for container in used:
        by_image.setdefault(container.image, []).append(container)
    joined = [
        ContainerImage(
            *(image.id, image.names, image.digest, image.created),
            containers=tuple(container.name for container in by_image.get(image.id, ())),
            started_as=tuple(dict.fromkeys(container.started_as for container in by_image.get(image.id, ()))),
        )
        for image in images.values()
    ]
    lost = tuple(container.name for container in used if container.image not in images)
    return EngineImages(tuple(joined), lost, evidence)


def _built(at: datetime) -> datetime | None:
    known = at.astimezone(UTC)
    return known if known >= _NO_DATE_BEFORE else None


def _seconds(moment: object) -> str:
    """A time of Go's encoding with at most the six digits after the second that Python keeps."""
    return re.sub(r"(\.\d{6})\d+", r"\1", _text(moment))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _unknown(answer: Answer) -> Unproven:
    reason = "the list of images and containers has a form that is not known"
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))


def age_of(image: ContainerImage, now: datetime) -> timedelta | None:
    """How long ago it was built; None when that is not known."""
    return None if image.created is None else max(now - image.created, timedelta())
