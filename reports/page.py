"""From a view to the bytes of one self-contained page: templates, styles, script and the policy that allows only these.

Every text that a template prints goes through `visible` and is cut at `MOST_TEXT`, then Jinja escapes it; so no
template can forget to. Undefined names are errors.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from secaudit.model.safe_text import visible, visible_line

from . import words
from .states import State

MOST_TEXT = 4000
"""Characters of one text that are shown; nothing that a check writes for people is longer."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_FOLDER = "templates"
_SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Layout:
    """A folder of templates with its `page.html`, its style (after the one that all share) and its script, if any."""

    folder: str
    style: str
    script: str = ""


TECHNICAL = Layout("technical", "report.css", "report.js")
MONTHLY = Layout("monthly", "monthly.css")
FLEET = Layout("fleet", "fleet.css")
SHELF = Layout("shelf", "shelf.css")


def render_page(
    layout: Layout,
    running_head: str,
    *,
    title: str,
    language: str,
    page_word: str,
    foot: str = "",
    accent: str = "",
    logo: bytes = b"",
    **view: Any,
) -> bytes:
    """Render `page.html` of a layout with the given names as UTF-8; `language` is the code of what it is written in.

    `running_head` stands on top of each printed page but the first, `page_word` below it with the place of the page.
    `foot` beside it. `accent` (`#rrggbb`) is the colour of the line above it all, `logo` a PNG beside the name. What is
    empty is left out.
    """
    style = Markup(_asset(_SHARED, "base.css") + _asset(layout.folder, layout.style))  # noqa: S704 - files of this package
    script = _asset(layout.folder, layout.script) if layout.script else ""
    margins = _margins(running_head, page_word, foot) + _accent(accent)
    scripts = f"script-src {_source(script)}; " if script else ""
    styles = f"style-src {_source(style)} {_source(margins)}; "
    images = "img-src data:; " if logo else ""
    policy = f"default-src 'none'; {styles}{scripts}{images}base-uri 'none'; form-action 'none'"
    template = _environment(layout).get_template("page.html")
    # Safe as markup: base64 has no character that means anything in HTML.
    picture = Markup(f"data:image/png;base64,{base64.b64encode(logo).decode('ascii')}" if logo else "")  # noqa: S704
    frame = {"title": title, "language": language, "policy": policy, "style": style, "margins": margins}
    page = template.render(**frame, script=script, logo=picture, **view)
    return page.encode("utf-8")


@cache
def _environment(layout: Layout) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(__package__, f"{_FOLDER}/{folder}") for folder in (layout.folder, _SHARED)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        capital=words.capital,
        line=visible_line,
        minute=words.minute,
        day=words.day,
        spans=words.spans,
        standard=words.standard,
        system=words.system,
    )
    environment.globals["State"] = State
    return environment


def _printed(value: object) -> object:
    """What Jinja does with every printed value before it escapes it. Only macros and our own assets are `Markup`."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(
        value if len(value) <= MOST_TEXT else f"{value[:MOST_TEXT]}… ({len(value) - MOST_TEXT:,} more characters)"
    )


@cache
def _asset(folder: str, name: str) -> Markup:
    # Not host data: a file of this package. Markup, because a style or script must not be escaped.
    return Markup(resources.files(__package__).joinpath(_FOLDER, folder, name).read_text(encoding="utf-8"))  # noqa: S704


def _source(content: str) -> str:
    """A CSP hash source (CSP level 3, section 2.3.1) over exactly what stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}'"


def _margins(head: str, page_word: str, foot: str) -> Markup:
    before, between = page_word.removesuffix("{pages}").split("{page}")
    corner = f"@bottom-left{{content:{_css_string(foot)}}}" if foot else ""
    # Safe as markup: `_css_string` leaves nothing but letters, digits, spaces and backslash escapes.
    return Markup(  # noqa: S704
        f"@page{{@top-left{{content:{_css_string(head)}}}"
        f"@bottom-right{{content:{_css_string(before)} counter(page) {_css_string(between)} counter(pages)}}"
        f"{corner}}}@page:first{{@top-left{{content:none}}}}"
    )


def _accent(colour: str) -> Markup:
    # Safe as markup: nothing but a number gets through.
    return Markup(f".mast{{border-top:6px solid {colour}}}" if _COLOUR.fullmatch(colour) else "")  # noqa: S704


def _css_string(text: str) -> str:
    """A CSS string (CSS Syntax 3, section 4.3.7) in which all but plain letters, digits and spaces are escaped."""
    shown = visible_line(text)[:120]
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in shown) + '"'
