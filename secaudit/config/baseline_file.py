"""The format of a baseline file: what each key takes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from secaudit.config.fields import Id, SeverityWord, Text, Texts
from secaudit.config.validation import FileModel

REMOVE = "remove"
"""The word that stands in the place of a parents' control that is not wanted."""

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _parse_parameter(name: str) -> str:
    if not _PARAMETER.fullmatch(name):
        raise ValueError(f"{name!r} is not a parameter's name: letters, digits and '_'")
    return name


ParameterName = Annotated[
    str, AfterValidator(_parse_parameter), WithJsonSchema({"type": "string", "pattern": f"^{_PARAMETER.pattern}$"})
]


class ControlFile(FileModel):
    """A control: all of it, or what this baseline changes of a parent's one. Null takes a parent's value back."""

    check: Text | None = None
    """The check that decides; needed once, where the control is set first."""
    severity: SeverityWord | None = None
    """How bad a failure is; the check's own severity unless given."""
    expect: dict[str, Any] | None = None
    """What the check expects. Maps merge with the parent's, everything else replaces it."""
    remediation: Text | None = None
    """Advice in place of the check's own."""
    references: dict[Text, Texts | None] | None = None
    """Clauses by standard."""


class BaselineFile(FileModel):
    """A named set of controls, alone or on top of others."""

    baseline: Id
    """The name; a file that is to be found by name is called like it."""
    version: Annotated[int, Field(ge=1)]
    """Counts up with every change; recorded with each run."""
    title: Text = ""
    """The name for people."""
    description: Text = ""
    """What the baseline is for."""
    extends: Texts = Field(default_factory=list)
    """Parents: names, or paths relative to this file. A later one overrides an earlier one."""
    parameters: dict[ParameterName, Any] = Field(default_factory=dict)
    """Values for `{{name}}` in expect and remediation; a child's replace its parents'."""
    controls: dict[Id, ControlFile | Literal["remove"]] = Field(default_factory=dict)
    """The controls by id; the word `remove` drops a parent's control."""
