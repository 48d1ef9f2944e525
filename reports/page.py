"""From a view to the bytes of one self-contained page: templates, style, script and the policy that allows only these.

Every text that a template prints goes through `visible` and is cut at `MOST_TEXT`, then Jinja escapes it; so no
template can forget to. Undefined names are errors.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from secaudit.model.safe_text import visible, visible_line

from . import words
from .states import State

MOST_TEXT = 4000
"""Characters of one text that are shown; nothing that a check writes for people is longer."""

_FOLDER = "templates/technical"


def render_page(running_head: str, **view: Any) -> bytes:
    """Render `page.html` with the given names as UTF-8. `running_head` stands on top of each printed page."""
    style = _asset("report.css")
    script = _asset("report.js")
    margins = _margins(running_head)
    policy = (
        f"default-src 'none'; style-src {_source(style)} {_source(margins)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("page.html")
    page = template.render(policy=policy, style=style, margins=margins, script=script, **view)
    return page.encode("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        line=visible_line,
        minute=words.minute,
        day=words.day,
        period=words.period,
        listed=words.listed,
        plural=words.plural,
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
def _asset(name: str) -> Markup:
    # Not host data: a file of this package. Markup, because a style or script must not be escaped.
    return Markup(resources.files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8"))  # noqa: S704


def _source(content: str) -> str:
    """A CSP hash source (CSP level 3, section 2.3.1) over exactly what stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}'"


def _margins(head: str) -> Markup:
    # Safe as markup: `_css_string` leaves nothing but letters, digits, spaces and backslash escapes.
    return Markup(f"@page{{@top-left{{content:{_css_string(head)}}}}}@page:first{{@top-left{{content:none}}}}")  # noqa: S704


def _css_string(text: str) -> str:
    """A CSS string (CSS Syntax 3, section 4.3.7) in which all but plain letters, digits and spaces are escaped."""
    shown = visible_line(text)[:120]
    return '"' + "".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in shown) + '"'
