"""Reading the snapshots of a restic repository (restic's documentation, chapter Scripting)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secaudit.api import Answer

from .documents import UnknownForm, excerpt, moment, objects, parse, text, unknown_form, whole_number
from .facts import Snapshot, Snapshots


def read_snapshots(answer: Answer) -> Snapshots:
    """All snapshots. Raises `Unproven` for anything but an array of snapshots, whatever the exit code was."""
    try:
        snapshots = tuple(_snapshot(answer, value) for value in objects(parse(answer), "the document"))
    except UnknownForm as error:
        raise unknown_form(answer, error) from None
    return Snapshots(snapshots, answer.evidence())


def _snapshot(answer: Answer, value: Mapping[str, Any]) -> Snapshot:
    paths = value.get("paths")
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise UnknownForm("paths is no list of texts")
    summary = value.get("summary")
    if summary is not None and not isinstance(summary, dict):
        raise UnknownForm("summary is no object")
    return Snapshot(
        id=text(value, "id"),
        time=moment(value, "time", zoned=True),
        host=text(value, "hostname"),
        paths=frozenset(paths),
        files=None if summary is None else whole_number(summary, "total_files_processed"),
        size=None if summary is None else whole_number(summary, "total_bytes_processed"),
        evidence=excerpt(answer, value, ("time", "hostname", "paths", "id", "summary")),
    )
