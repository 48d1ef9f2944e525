"""Taking secrets out of what servers say, before a person or a log sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONG = 8
"""Characters from which on a secret is unlikely to be part of an ordinary word."""

_MARK = "***"


def conceal(text: str, secrets: Iterable[str]) -> str:
    """Replace secrets in a text.

    A secret of at least `LONG` characters goes wherever it stands. A shorter one goes where it stands alone, between
    characters that no word has: within words it tells nothing, and a message without every `ab` could not be read.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        pattern = re.escape(secret) if len(secret) >= LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, _MARK, text)
    return text
