"""The format of a baseline file: what each key takes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from secaudit.config.inventory_file import Id, Text, Texts
from secaudit.config.validation import FileModel
from secaudit.model.severity import Severity

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
    """A control as one file writes it: all of it, or what it changes of the parents' one. Null takes a value back."""

    check: Text | None = None
    severity: Annotated[Severity, Field(strict=False)] | None = None
    expect: dict[str, Any] | None = None
    remediation: Text | None = None
    references: dict[Text, Texts | None] | None = None


class BaselineFile(FileModel):
    """One baseline."""

    baseline: Id
    version: Annotated[int, Field(ge=1)]
    title: Text = ""
    description: Text = ""
    extends: Texts = Field(default_factory=list)
    parameters: dict[ParameterName, Any] = Field(default_factory=dict)
    controls: dict[Id, ControlFile | Literal["remove"]] = Field(default_factory=dict)
