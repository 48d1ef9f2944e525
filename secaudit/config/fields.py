"""Types of values that several file formats share."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from secaudit.config.validation import NO_VALUE
from secaudit.model.severity import Severity

T = TypeVar("T")

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.ASCII)


def _parse_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text!r} is not an id: lower-case letters, digits, '.', '_' and '-', not '.', '_' or '-' first"
        )
    return text


def listed(value: Any) -> Any:
    """A single text as the list that it stands for."""
    return [value] if isinstance(value, str) else value


def _refuse_nothing(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError(NO_VALUE, "a value is needed")
    return value


def _refuse_nul(text: str) -> str:
    # Nothing takes it: neither a path nor an argument nor a database.
    if "\0" in text:
        raise ValueError("a text cannot hold a NUL character")
    return text


LIST_OR_TEXT = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})

_TEXT = {"type": "string", "minLength": 1, "pattern": r"^[^\u0000]*$"}

Text = Annotated[str, Field(min_length=1), AfterValidator(_refuse_nul), WithJsonSchema(_TEXT)]

Texts = Annotated[
    list[Text], BeforeValidator(listed), WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]})
]
"""A list of texts; one alone needs no brackets."""

Id = Annotated[str, AfterValidator(_parse_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
"""The name of a customer, site, host, tag, baseline, control or schedule."""

SeverityWord = Annotated[
    Severity, Field(strict=False), WithJsonSchema({"type": "string", "enum": [word.value for word in Severity]})
]

Maybe = Annotated[T | None, BeforeValidator(_refuse_nothing)]
"""A key that may be left out, and that is not left empty by mistake."""
