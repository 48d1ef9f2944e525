"""Reading the listing of a backup folder."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from secaudit.api import Answer, Answers, AnswerStatus, Evidence, Unproven, UnprovenKind
from secaudit.model.safe_text import visible

from .expect import Dataset
from .facts import BackupFile, FolderListing, FolderState

_ENTRY = re.compile(
    rb"(?P<depth>[01])/(?P<kind>[a-zA-Z?])/(?P<modified>-?\d{1,11})(?:\.\d*)?/(?P<size>\d{1,19})/(?P<path>/.*)",
    re.DOTALL,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_listing(answers: Answers, dataset: Dataset) -> FolderListing:
    """The matching files of the dataset's folder.

    The folder's own entry proves that it was there, exit code 0 that it was read to its end. A folder that does not
    exist is told by find(1) with the errno of its one failed look-up and nothing else. Raises `Unproven`.
    """
    answer = answers[dataset.listing]
    if _is_missing(answer, dataset):
        return FolderListing(FolderState.MISSING, (), answer.evidence())
    answers.ended(dataset.listing)
    if not answer.stdout.endswith(b"\0"):
        raise _not_understood(answer, "the listing does not end with an entry")
    folder_kind = ""
    files = []
    entries = []
    for entry in answer.stdout[:-1].split(b"\0"):
        found = _ENTRY.fullmatch(entry)
        shown = visible(entry.decode("utf-8", "replace")).replace("\n", "\\n")
        entries.append(shown)
        if found is None:
            raise _not_understood(answer, f"an entry of the listing has a form that is not known: {shown[:200]}")
        if found["depth"] == b"0":
            folder_kind = found["kind"].decode()
        else:
            files.append(_file(answer, found, shown))
    if not folder_kind:
        raise _not_understood(answer, "the listing does not show its folder")
    if folder_kind != "d":
        return FolderListing(FolderState.NO_FOLDER, (), answer.evidence())
    whole = Evidence.of(answer.request.key, answer.exit, None, entries)
    return FolderListing(FolderState.LISTED, tuple(files), whole)


def _is_missing(answer: Answer, dataset: Dataset) -> bool:
    said = answer.stderr.decode("utf-8", "replace").strip()
    return (
        answer.status is AnswerStatus.ENDED
        and answer.exit == 1
        and not answer.stdout
        and said == f"{dataset.listing.argv[0]}: '{dataset.folder}': No such file or directory"
    )


def _file(answer: Answer, found: re.Match[bytes], shown: str) -> BackupFile:
    try:
        modified = _EPOCH + timedelta(seconds=int(found["modified"]))
    except OverflowError:
        raise _not_understood(answer, f"a file bears a time that is none: {shown[:200]}") from None
    return BackupFile(
        name=found["path"].rpartition(b"/")[2].decode("utf-8", "replace"),
        modified=modified,
        size=int(found["size"]),
        evidence=Evidence.of(answer.request.key, answer.exit, None, (shown,)),
    )


def _not_understood(answer: Answer, reason: str) -> Unproven:
    return Unproven(UnprovenKind.NOT_UNDERSTOOD, reason, (answer.evidence(),))
