"""Holding a document against a pydantic model, and saying what is wrong in the words and at the place of its author."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from secaudit.config.errors import ConfigError, Problem, closest, in_file_order, suggestion
from secaudit.config.source import Located, YamlPath
from secaudit.model.baseline import Location

M = TypeVar("M", bound=BaseModel)


class FileModel(BaseModel):
    """Base of the models of our file formats: unknown keys refused, nothing converted (`"22"` is not a number).

    The docstrings of classes and attributes are the descriptions in the published JSON Schemas, see `schemas`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


NO_VALUE = "no_value"
"""Kind of the error for a key that was left empty by mistake."""


def validate(model: type[M], document: Located) -> M:
    """Build `model` from the document's data. Raises ConfigError with every problem, in file order."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document, model)) from None


def problems_of(
    error: ValidationError, document: Located, model: type[BaseModel], prefix: YamlPath = ()
) -> list[Problem]:
    """Translate every error of a validation of the document's data, in file order.

    `prefix` is where the document's data stands in its file; it only serves the words of messages.
    """
    faults = [_Fault.of(details, document) for details in error.errors(include_url=False)]
    found: list[Problem] = []
    shapes: dict[tuple[YamlPath, bool], list[_Fault]] = {}
    for fault in _without_other_branches(faults):
        if fault.details["type"] in _SHAPES:
            shapes.setdefault((fault.path, fault.of_key), []).append(fault)
        else:
            found.append(Problem(fault.location(document), *_words(fault, prefix, model)))
    found += [Problem(same[0].location(document), *_shape_words(same, prefix)) for same in shapes.values()]
    return in_file_order(found)


@dataclass(frozen=True, slots=True)
class _Fault:
    """An error with the longest path into the document that its `loc` contains.

    `branches` are the positions at which pydantic tried several members of a union: it puts the tag of each member
    into `loc`, and reports the errors of all of them.
    """

    details: ErrorDetails
    path: YamlPath
    branches: frozenset[YamlPath]

    @classmethod
    def of(cls, details: ErrorDetails, document: Located) -> _Fault:
        path: YamlPath = ()
        branches: set[YamlPath] = set()
        loc = details["loc"]
        for position, part in enumerate(loc):
            step = (*path, part if isinstance(part, int) and (*path, part) in document.values else str(part))
            if step in document.values:
                path = step
            elif not (position == len(loc) - 1 and details["type"] == "missing") and part != "[key]":
                branches.add(path)
        return cls(details, path, frozenset(branches))

    @property
    def of_key(self) -> bool:
        """Whether the key is wrong, and not its value."""
        return self.details["type"] in ("extra_forbidden", NO_VALUE) or self.details["loc"][-1:] == ("[key]",)

    def location(self, document: Located) -> Location:
        """Where to point the author to."""
        # What a map lacks is reported where its key stands, not where its first entry begins.
        of_map = self.details["type"] in ("missing", "value_error") and isinstance(self.details["input"], Mapping)
        if self.of_key or of_map:
            return document.keys.get(self.path, document.values[self.path])
        return document.values[self.path]


def _without_other_branches(faults: list[_Fault]) -> Iterator[_Fault]:
    """Drop errors of the union members that the author did not mean: of another shape, where one of the shape fits."""
    for fault in faults:
        meant = any(
            other.path[: len(branch)] == branch and other is not fault and not _at_shape(other, branch)
            for branch in fault.branches
            for other in faults
            if branch in other.branches
        )
        if not (meant and any(_at_shape(fault, branch) for branch in fault.branches)):
            yield fault


def _at_shape(fault: _Fault, branch: YamlPath) -> bool:
    return fault.path == branch and fault.details["type"] in _SHAPES


_SHAPES = {
    **dict.fromkeys(("string_type", "string_sub_type"), "text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type", "mapping_type"), "a map of keys and values"),
    "none_required": "nothing",
    "literal_error": "",
    "enum": "",
}
"""Kinds of errors that say that another type or word is needed; for the last two the error names the words."""


def _words(fault: _Fault, prefix: YamlPath, model: type[BaseModel]) -> tuple[str, str]:
    """Message and hint for an error in what a value says."""
    details = fault.details
    kind = details["type"]
    if kind == "extra_forbidden":
        key = str(fault.path[-1])
        return f"unknown key {key!r}", suggestion(key, _known_keys(model, fault.path[:-1]))
    if kind == "missing":
        return f"the key {str(details['loc'][-1])!r} is missing", ""
    if kind == NO_VALUE:
        return f"{str(fault.path[-1])!r} has no value", "give one, or leave the key out"
    if kind in ("value_error", "assertion_error"):
        return str(details.get("ctx", {}).get("error", details["msg"])), ""
    about = _about(fault.path or prefix)
    if kind in ("string_too_short", "too_short") and not details["input"]:
        return f"{about}must not be empty", ""
    return f"{about}{details['msg'].removeprefix('Input ')}, found {_found(details['input'])}", ""


def _shape_words(alternatives: Sequence[_Fault], prefix: YamlPath) -> tuple[str, str]:
    """Message and hint for a value (or key) of the wrong type, for which each alternative names a right one."""
    first = alternatives[0]
    given = first.details["input"]
    words: list[str] = []
    for details in (fault.details for fault in alternatives):
        expected = _SHAPES[details["type"]] or str(details.get("ctx", {}).get("expected", ""))
        words += [expected] if expected not in words else []
    literals = [word for text in words for word in re.findall(r"'([^']*)'", text)]
    hint = ""
    if isinstance(given, str) and literals:
        hint = closest(given, literals)
    elif "a list" in words and isinstance(given, str | int | float):
        hint = f"write [{given}]"
    elif words == ["text"] and isinstance(given, int | float):
        hint = "put it in quotes"
    elif words == ["a whole number"] and isinstance(given, str) and given.isdecimal():
        hint = "leave the quotes out"
    about = _about((first.path[:-1] if first.of_key else first.path) or prefix)
    expected = " or ".join(words) + (" as key" if first.of_key else "")
    return f"{about}expected {expected}, found {_found(given)}", hint


_LONGEST_QUOTE = 60


def _found(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + '…'!r}"
        case int() | float():
            return f"the number {value}"
        case Mapping():
            return "a map"
        case Sequence():
            return "a list"
        case _:
            return type(value).__name__


def _about(path: YamlPath) -> str:
    """The nearest key above a value, as the beginning of a message."""
    key = next((part for part in reversed(path) if isinstance(part, str)), None)
    return f"{key}: " if key is not None else ""


def _known_keys(model: type[BaseModel], path: YamlPath) -> set[str]:
    """The keys that the model knows in the map at `path`."""
    candidates: list[Any] = [model]
    for part in path:
        candidates = [inner for candidate in candidates for inner in _below(candidate, part)]
    return {
        field.alias or name
        for candidate in candidates
        for member in _members(candidate)
        if isinstance(member, type) and issubclass(member, BaseModel)
        for name, field in member.model_fields.items()
    }


def _below(annotation: Any, part: int | str) -> Iterator[Any]:
    for member in _members(annotation):
        origin, arguments = get_origin(member), get_args(member)
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield from (field.annotation for name, field in member.model_fields.items() if part in (name, field.alias))
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            yield arguments[1]
        elif isinstance(origin, type) and issubclass(origin, Iterable) and isinstance(part, int):
            yield arguments[0]


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union, without what `Annotated` adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif origin is not Literal:
        yield annotation
