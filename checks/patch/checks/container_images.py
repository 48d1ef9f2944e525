"""Images that containers use: their age, tags and registries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import Field

from secaudit.api import (
    Duration,
    Evidence,
    Expect,
    Facts,
    Now,
    Severity,
    Unproven,
    UnprovenKind,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
    show_duration,
    unproven,
)
from secaudit.model.safe_text import visible_line

from ..readers.images import ContainerImage, ContainerImages, EngineImages, age_of
from ..references import PATCH_LEVEL

_ABSENT = {
    "docker": "No Docker daemon runs (/run/docker.pid is not there).",
    "podman": "There is no store of Podman or CRI-O (/var/lib/containers/storage).",
}
_MOST = 20


class UsedImages(Expect):
    """How old an image in use may be, whether its tag has to stand still, and where images may come from."""

    max_age: Duration = Field(default=timedelta(days=90), gt=timedelta())
    fixed_tags: bool = Field(default=True, description="`latest`, and an image without any tag, is a finding")
    registries: tuple[str, ...] | None = Field(
        default=None, description="registries, or repositories below them, that images may come from; all when left out"
    )


@check(
    "patch.container-images",
    title="Containers run young images of known origin",
    severity=Severity.MEDIUM,
    requires=[ContainerImages, Now],
    expect=UsedImages,
    remediation="Build or pull the image anew under a tag of its own, and make its containers anew from it.",
    references=PATCH_LEVEL,
)
def container_images(facts: Facts, expect: UsedImages) -> Iterator[Verdict]:
    """Every image that a container uses was built lately, is named by a fixed tag, and comes from an allowed registry.

    A new image is how a container gets its security updates. What is inside of an image is not looked at.
    """
    now = facts[Now].at
    for engine, images in facts[ContainerImages].found.items():
        if images is None:
            yield not_applicable(engine, reason=_ABSENT[engine])
        elif isinstance(images, Unproven):
            yield images.verdict(engine)
        else:
            yield from _judge(engine, images, expect, now)


def _judge(engine: str, images: EngineImages, expect: UsedImages, now: datetime) -> Iterator[Verdict]:
    used = [image for image in images.images if image.containers]
    listed = [_listed(image, now) for image in sorted(images.images, key=lambda image: not image.containers)]
    more = [f"and {len(listed) - _MOST} more images"] if len(listed) > _MOST else []
    evidence = [Evidence.of(f"{engine} images", None, None, [*listed[:_MOST], *more]), *images.evidence]
    expected = _expected(expect)
    spoken = bool(images.lost)
    if images.lost:
        reason = visible_line(f"The image of these containers is not listed: {', '.join(images.lost)}")
        kind = UnprovenKind.NOT_UNDERSTOOD
        yield unproven(engine, kind=kind, reason=reason[:300], expected=expected, evidence=evidence)
    for image in used:
        subject = visible_line(f"{engine} {_called(image)}")
        faults = list(_faults(image, expect, now))
        if faults:
            spoken = True
            yield failed(
                subject,
                reason=visible_line(f"{'; '.join(faults)}."),
                observed=visible_line(_listed(image, now)),
                expected=expected,
                evidence=evidence,
            )
        elif image.created is None:
            spoken = True
            reason = "The image does not tell when it was built."
            kind = UnprovenKind.NOT_UNDERSTOOD
            yield unproven(subject, kind=kind, reason=reason, expected=expected, evidence=evidence)
    if not spoken:
        observed = f"{len(used)} images in use, {len(images.images) - len(used)} others; contents are not scanned"
        yield passed(engine, observed=observed, expected=expected, evidence=evidence)


def _faults(image: ContainerImage, expect: UsedImages, now: datetime) -> Iterator[str]:
    age = age_of(image, now)
    if age is not None and age > expect.max_age:
        yield f"The image is {show_duration(age)} old ({show_duration(expect.max_age)} allowed)"
    pinned = image.started_as and all("@sha256:" in name for name in image.started_as)
    if expect.fixed_tags and not pinned:
        if not image.names:
            yield "No tag is on the image: after a newer build or pull, the containers still use the old one"
        elif any(_tag(name) == "latest" for name in _started(image) or image.names):
            yield "It is named `latest`: which version runs cannot be told"
    if expect.registries is not None:
        names = image.names or image.started_as
        strange = [name for name in names if not any(_is_below(name, allowed) for allowed in expect.registries)]
        if strange or not names:
            yield f"It comes from {', '.join(sorted({_full(name) for name in strange})) or 'nowhere known'}"


def _called(image: ContainerImage) -> str:
    """What people call it: the name it was started with, its own, or its containers when there is none."""
    named = [name for name in image.started_as if "@" in name]
    return (_started(image) or named or list(image.names) or [f"of {', '.join(sorted(image.containers))}"])[0]


def _started(image: ContainerImage) -> list[str]:
    """Those of its names with which containers were started; Docker leaves `:latest` out of what it shows."""
    return [
        name for name in image.names if name in image.started_as or name.removesuffix(":latest") in image.started_as
    ]


def _tag(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[2] or "latest"


def _full(name: str) -> str:
    """Registry and repository; Docker's own registry where the name has none (as Docker reads names)."""
    repository = name.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def _is_below(name: str, allowed: str) -> bool:
    place = allowed.rstrip("/")
    return f"{_full(name)}/".startswith(f"{place}/")


def _listed(image: ContainerImage, now: datetime) -> str:
    age = age_of(image, now)
    old = "of unknown age" if age is None else f"{show_duration(age)} old"
    names = ", ".join(image.names) or "no tag"
    digest = image.digest or image.id
    used = f"used by {', '.join(image.containers)}" if image.containers else "not in use"
    return visible_line(f"{names} ({digest[:19]}), {old}, {used}")


def _expected(expect: UsedImages) -> str:
    wanted = [f"at most {show_duration(expect.max_age)} old"]
    wanted += ["a fixed tag"] if expect.fixed_tags else []
    if expect.registries is not None:
        wanted.append(f"from {', '.join(expect.registries) or 'no registry'}")
    return ", ".join(wanted)
