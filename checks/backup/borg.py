"""Reading the archives of a borg repository (borg's documentation, chapter Frontends)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secaudit.api import Answer

from .documents import UnknownForm, excerpt, moment, objects, parse, text, unknown_form, whole_number
from .facts import Archive, ArchiveContents, Archives

# An interrupted run leaves `NAME.checkpoint` or `NAME.checkpoint.1`.
_CHECKPOINT = re.compile(r".*\.checkpoint(?:\.\d+)?", re.ASCII | re.DOTALL)


def read_archives(answer: Answer) -> Archives:
    """All complete archives; their times bear no zone and are UTC, because borg was run in UTC. Raises `Unproven`."""
    try:
        archives = tuple(
            Archive(
                id=text(value, "id"),
                name=text(value, "name"),
                start=moment(value, "start", zoned=False),
                evidence=excerpt(answer, value, ("name", "start", "id")),
            )
            for value in _archives(answer)
        )
    except UnknownForm as error:
        raise unknown_form(answer, error) from None
    complete = tuple(archive for archive in archives if not _CHECKPOINT.fullmatch(archive.name))
    return Archives(complete, answer.evidence())


def read_contents(answer: Answer) -> ArchiveContents:
    """The number of files of the archives that were asked for. Raises `Unproven`."""
    files = {}
    try:
        for value in _archives(answer):
            stats = value.get("stats")
            if not isinstance(stats, dict):
                raise UnknownForm("stats is no object")
            files[text(value, "id")] = whole_number(stats, "nfiles")
    except UnknownForm as error:
        raise unknown_form(answer, error) from None
    return ArchiveContents(files, answer.evidence())


def _archives(answer: Answer) -> list[Mapping[str, Any]]:
    document = parse(answer)
    if not isinstance(document, dict):
        raise UnknownForm("the document is no object")
    return objects(document.get("archives"), "archives")
