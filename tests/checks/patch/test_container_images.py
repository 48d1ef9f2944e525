"""Images of containers: how Docker's lists and Podman's store are read, and what is found in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from secaudit.checks.patch.checks import container_images
from secaudit.checks.patch.collect import container_images as collect_images
from secaudit.checks.patch.readers.images import (
    DOCKER_CONTAINERS,
    DOCKER_IMAGES,
    STORE,
    STORED,
    ContainerImages,
    EngineImages,
)

from secaudit.api import Answer, AnswerStatus, Now, Outcome, Unproven, UnprovenKind, Verdict
from tests.checks.judging import NOT_ANSWERED, collect, damaged, ended, judge, outcomes, unanswered

from .given import recorded

NO_DOCKER = (ended(DOCKER_IMAGES), ended(DOCKER_CONTAINERS))
NO_PODMAN = (ended(STORE), ended(STORED, exit=1))
STORE_THERE = ended(STORE, "/var/lib/containers/storage\n")
PODMAN = recorded("podman-store.txt")
"""Podman 4.3.1: `shop:1.4` (also `stable`) and `base/db:latest` with containers, and an image without a tag."""

BUILT = Now(datetime(2026, 11, 24, 13, tzinfo=UTC))
OLD, SHOP = "sha256:" + "0a" * 32, "sha256:" + "0b" * 32
DIGEST = "sha256:" + "0c" * 32


def image(repository: str, tag: str, id_: str = SHOP, at: str = "2026-11-20 10:00:00 +0100 CET", **more: str) -> str:
    return json.dumps({"ID": id_, "Repository": repository, "Tag": tag, "Digest": "<none>", "CreatedAt": at} | more)


def container(name: str, of: str) -> str:
    return json.dumps([name, of])


def docker(images: list[str], containers: list[str]) -> tuple[Answer, ...]:
    told = ("\n".join(("/run/docker.pid", *rows, "")) for rows in (images, containers))
    return tuple(ended(request, text) for request, text in zip((DOCKER_IMAGES, DOCKER_CONTAINERS), told, strict=True))


def found(*answers: Answer) -> ContainerImages:
    return collect(collect_images, *answers)


def judged(images: ContainerImages, **expect: Any) -> list[Verdict]:
    return judge(container_images, expect, images, BUILT)


def test_podmans_store() -> None:
    images = found(*NO_DOCKER, STORE_THERE, ended(STORED, PODMAN))
    podman = images.found["podman"]
    assert images.found["docker"] is None
    assert isinstance(podman, EngineImages)
    shop, db, nameless = podman.images
    assert shop.names == ("docker.io/library/shop:1.4", "docker.io/library/shop:stable")
    assert shop.digest == "sha256:b146f72f354463166ae85224a220bf4d20f4f8d3d3852f5d8f9e8704bc35bf39"
    assert shop.created == datetime(2026, 11, 24, 12, 1, 58, 242749, UTC)
    assert (shop.containers[0], db.containers, nameless.containers, nameless.names) == ("web", ("db",), (), ())

    (latest,) = [verdict for verdict in judged(images) if verdict.outcome is Outcome.FAILED]
    assert latest.subject == "podman registry.example.org:5000/base/db:latest"
    assert "`latest`" in latest.reason
    assert outcomes(judged(images, fixed_tags=False)) == {
        "docker": Outcome.NOT_APPLICABLE,
        "podman": Outcome.PASSED,
    }
    strange = [one for one in judged(images, fixed_tags=False, registries=["docker.io/library"]) if one.observed]
    assert [one.subject for one in strange] == ["podman registry.example.org:5000/base/db:latest"]
    allowed = judged(images, fixed_tags=False, registries=["docker.io", "registry.example.org:5000/base"])
    assert outcomes(allowed)["podman"] is Outcome.PASSED
    aged = judge(container_images, {"fixed_tags": False}, images, Now(BUILT.at + timedelta(days=91)))
    assert [one.outcome for one in aged if one.subject != "docker"] == [Outcome.FAILED] * 2


def test_docker() -> None:
    images = found(
        *docker(
            [
                image("shop", "1.4"),
                image("shop", "latest"),
                image("<none>", "<none>", OLD, Digest=DIGEST),
                image("idle", "latest", "sha256:" + "0d" * 32, "2020-01-01 10:00:00 +0000 UTC"),
            ],
            [container("web", "shop:1.4"), container("job", OLD)],
        ),
        *NO_PODMAN,
    )
    (nameless,) = [verdict for verdict in judged(images) if verdict.outcome is Outcome.FAILED]
    assert nameless.subject == "docker of job"
    assert nameless.reason.startswith("No tag is on the image")
    assert "idle:latest" in nameless.evidence[0].excerpt, "listed, and not judged: nothing uses it"


def test_what_dockers_own_client_prints() -> None:
    """Docker 28.2.2's client over a stand-in for the daemon's interface."""
    told = (
        ended(DOCKER_IMAGES, recorded("docker-images.txt")),
        ended(DOCKER_CONTAINERS, recorded("docker-containers.txt")),
    )
    engine = found(*told, *NO_PODMAN).found["docker"]
    assert isinstance(engine, EngineImages)
    assert [(one.names, one.containers, one.created is None) for one in engine.images] == [
        (("shop:1.4", "shop:latest"), ("web", "front"), False),
        ((), ("job",), False),
        ((), ("db",), True),
    ]
    assert engine.lost == ()
    verdicts = judged(found(*told, *NO_PODMAN), max_age="9999d", registries=["docker.io/library"])
    reasons = {one.subject: one.reason for one in verdicts}
    assert "`latest`" in reasons["docker shop:1.4"], "one of its containers was started as plain `shop`"
    assert "registry.example.org/db" in reasons[f"docker registry.example.org/db@sha256:{'0e' * 32}"]


@pytest.mark.parametrize(
    ("started_as", "outcome"),
    [
        ("shop:1.4", Outcome.PASSED),
        ("shop", Outcome.FAILED),
        ("shop:latest", Outcome.FAILED),
        (f"shop@{DIGEST}", Outcome.PASSED),
        ("gone:1", Outcome.UNPROVEN),
    ],
)
def test_what_a_container_was_started_as(started_as: str, outcome: Outcome) -> None:
    rows = [image("shop", tag, Digest=DIGEST) for tag in ("1.4", "latest")]
    verdicts = judged(found(*docker(rows, [container("web", started_as)]), *NO_PODMAN))
    assert [verdict.outcome for verdict in verdicts if verdict.subject.startswith("docker")] == [outcome]


@pytest.mark.parametrize("at", ["1970-01-01 01:00:00 +0100 CET", "1980-01-01 00:00:01 +0000 UTC"])
def test_a_build_that_tells_no_date_is_unproven(at: str) -> None:
    images = found(*docker([image("shop", "1.4", at=at)], [container("web", "shop:1.4")]), *NO_PODMAN)
    assert outcomes(judged(images))["docker shop:1.4"] is Outcome.UNPROVEN


def test_nothing_there_is_not_applicable() -> None:
    assert outcomes(judged(found(*NO_DOCKER, *NO_PODMAN))) == dict.fromkeys(
        ("docker", "podman"), Outcome.NOT_APPLICABLE
    )


@pytest.mark.parametrize("status", NOT_ANSWERED)
@pytest.mark.parametrize("request_", [DOCKER_IMAGES, DOCKER_CONTAINERS, STORE, STORED])
def test_without_an_answer_it_is_unproven(request_: Any, status: AnswerStatus) -> None:
    answers = {one.request: one for one in (*docker([], []), STORE_THERE, ended(STORED, PODMAN))}
    engine = "podman" if request_ in (STORE, STORED) else "docker"
    trouble = found(*(answers | {request_: unanswered(request_, status)}).values()).found[engine]
    assert isinstance(trouble, Unproven)
    assert trouble.kind is NOT_ANSWERED[status]


def test_a_daemon_that_does_not_answer_is_unproven() -> None:
    said = "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?\n"
    answers = [ended(request, "/run/docker.pid\n", stderr=said) for request in (DOCKER_IMAGES, DOCKER_CONTAINERS)]
    trouble = found(*answers, *NO_PODMAN).found["docker"]
    assert isinstance(trouble, Unproven)
    assert trouble.kind is UnprovenKind.ERROR


@given(damaged(PODMAN), damaged(docker([image("shop", "1.4")], [])[0].stdout), damaged(b"/run/docker.pid\n"))
def test_whatever_comes_is_read_or_refused(store: bytes, images: bytes, containers: bytes) -> None:
    told = found(ended(DOCKER_IMAGES, images), ended(DOCKER_CONTAINERS, containers), STORE_THERE, ended(STORED, store))
    assert all(verdict.outcome for verdict in judged(told))
