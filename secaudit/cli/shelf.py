"""A customer's folder of reports, and the index page that is made anew whenever something is put there."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path

from secaudit import __version__
from secaudit.cli.exits import CommandError, Exit
from secaudit.model.hours import Month
from secaudit.model.shelf import Shelf, ShelvedReport

INDEX = "index.html"
_NAME = re.compile(r"monthly-(\d{4})-(\d{2})-([a-z]{2})\.(html|pdf)", re.ASCII)


def read_shelf(folder: Path, customer: str, name: str, timezone: str, now: datetime) -> Shelf:
    """The monthly reports that lie in a folder; other files are not looked at. Raises CommandError."""
    found = []
    try:
        for path in folder.iterdir():
            named = _NAME.fullmatch(path.name)
            if named is None or path.is_symlink() or not path.is_file() or not 1 <= int(named[2]) <= 12:
                continue
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            month = Month(int(named[1]), int(named[2]))
            found.append(ShelvedReport(path.name, month, named[3], named[4], path.stat().st_size, digest))
    except OSError as error:
        raise CommandError(f"cannot read {folder}: {error.strerror or error}", Exit.INCOMPLETE) from None
    found.sort(key=lambda one: (-one.month.index, one.language, one.format))
    return Shelf(customer, name, timezone, now, __version__, tuple(found))
