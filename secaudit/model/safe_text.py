"""Making text from a host visible and inert before a person sees it."""

from __future__ import annotations

import re

# C0 and C1 controls (newline and tab are kept), bidi controls and isolates, zero-width and other invisible formatting,
# line and paragraph separators, interlinear annotation, tags, lone surrogates: Unicode 16, chapters 23.1-23.9.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
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
