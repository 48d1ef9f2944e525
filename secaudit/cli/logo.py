"""A customer's logo for the monthly report: a PNG of bounded size, checked before it goes into a page."""

from __future__ import annotations

import struct
from pathlib import Path

from secaudit.cli.exits import CommandError

MOST_BYTES = 256 * 1024
MOST_PIXELS = 4000
"""Width and height; more cannot be seen, and browsers take memory for every pixel."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LAST = b"IEND\xaeB`\x82"
_HEADER = struct.Struct(">I4sII")


def read_logo(path: Path) -> bytes:
    """The picture. Raises CommandError for what is no PNG (PNG specification, section 5), or too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"the logo {path}: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise CommandError(f"the logo {path} has more than {MOST_BYTES // 1024} KiB")
    head = data[len(_SIGNATURE) : len(_SIGNATURE) + _HEADER.size]
    if not data.startswith(_SIGNATURE) or len(head) < _HEADER.size or not data.endswith(_LAST):
        raise CommandError(f"the logo {path} is not a whole PNG; other formats can hold scripts or are rarely shown")
    _, kind, width, height = _HEADER.unpack(head)
    if kind != b"IHDR" or not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise CommandError(f"the logo {path} is {width} by {height} pixels; it may have {MOST_PIXELS} each way")
    return data
