"""A customer's logo for the monthly report: a PNG of bounded size, checked before it goes into a page."""

from __future__ import annotations

import struct
from pathlib import Path

from secaudit.config.errors import ConfigError
from secaudit.model.contract import ReportRules

MOST_BYTES = 256 * 1024
MOST_PIXELS = 4000
"""Width and height; more cannot be seen, and browsers take memory for every pixel."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LAST = b"IEND\xaeB`\x82"
_HEADER = struct.Struct(">I4sII")
_RIGHT = f"a PNG of at most {MOST_BYTES // 1024} KiB and {MOST_PIXELS} pixels each way is needed"


def read_logo(rules: ReportRules) -> bytes:
    """The picture that the contract names, empty when it names none.

    Raises ConfigError, at the place in the contract, for what is no PNG (PNG specification, section 5), or too large.
    """
    if not rules.logo:
        return b""
    try:
        with Path(rules.logo).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _refused(rules, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise _refused(rules, f"has more than {MOST_BYTES // 1024} KiB")
    head = data[len(_SIGNATURE) : len(_SIGNATURE) + _HEADER.size]
    if not data.startswith(_SIGNATURE) or len(head) < _HEADER.size or not data.endswith(_LAST):
        raise _refused(rules, "is not a whole PNG; other formats can hold scripts or are rarely shown")
    _, kind, width, height = _HEADER.unpack(head)
    if kind != b"IHDR" or not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise _refused(rules, f"is {width} by {height} pixels")
    return data


def _refused(rules: ReportRules, why: str) -> ConfigError:
    return ConfigError.at(rules.logo_at, f"the logo {rules.logo} {why}", _RIGHT)
