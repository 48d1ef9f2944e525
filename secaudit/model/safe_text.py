"""Making text from a host visible and inert before a person sees it."""

from __future__ import annotations

import re

# C0 and C1 controls (newline and tab are kept), bidi controls and isolates, zero-width and other invisible formatting,
# fillers that look like a space or like nothing, line and paragraph separators, interlinear annotation, tags and what
# else can carry hidden text, noncharacters (of which XML takes none), lone surrogates: Unicode 16, chapters 23.1-23.9.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Replace what a terminal or a browser would obey or hide by its escape (`\x1b`, `\u202e`); keep the rest.

    Newlines and tabs stay: callers that need one line use `visible_line`. Markup must still be escaped for the medium.
    """
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def visible_line(text: str) -> str:
    r"""Like `visible`, with newlines and tabs shown as `\n` and `\t`."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
