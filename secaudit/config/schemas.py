"""JSON Schemas (draft 2020-12) of the files that people write, for editors and other tools.

They say what the loaders say, as far as JSON Schema can: references between files, merging and rules across keys are
left to `secaudit inventory validate`, `secaudit baseline validate` and their like.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from secaudit.config.baseline_file import BaselineFile
from secaudit.config.contract_file import ContractFile
from secaudit.config.delivery_file import DeliveryFile
from secaudit.config.feeds_file import FeedsFile
from secaudit.config.inventory_file import InventoryFile
from secaudit.config.schedule_file import ScheduleFile
from secaudit.config.tracker_file import TrackerFile
from secaudit.config.validation import FileModel
from secaudit.config.waivers_file import WaiversFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MODELS: Mapping[str, type[BaseModel]] = {
    "baseline": BaselineFile,
    "contract": ContractFile,
    "delivery": DeliveryFile,
    "feeds": FeedsFile,
    "inventory": InventoryFile,
    "schedule": ScheduleFile,
    "tracker": TrackerFile,
    "waivers": WaiversFile,
}
NAMES = tuple(_MODELS)
"""The formats that have a schema here."""

_REFERENCE = {"type": "string", "pattern": r"\{\{\s*[A-Za-z_][A-Za-z0-9_]*\s*\}\}"}

Schema = dict[str, Any]


class DescribedCheck(Protocol):
    """What the schema of a baseline says about a check."""

    @property
    def title(self) -> str:
        """What a finding of the check is called."""
        ...

    @property
    def expect(self) -> type[BaseModel]:
        """The model of a control's `expect`."""
        ...


class _Generator(GenerateJsonSchema):
    """Leaves out what only matters inside of the program, and describes keys by the docstrings of attributes."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """pydantic could find docstrings as well, but reads every model's source for it at each start."""
        built = super().model_schema(schema)
        model = schema["cls"]
        if issubclass(model, FileModel):
            for name, description in _docstrings(model).items():
                key = model.model_fields[name].alias or name
                built["properties"][key]["description"] = description
        return built

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default of None means that the key was left out, so there is no default to show."""
        built = super().default_schema(schema)
        return {key: value for key, value in built.items() if key != "default" or value is not None}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Keys of another form than the one that is asked for are refused."""
        built = super().dict_schema(schema)
        return {**built, "additionalProperties": False} if "patternProperties" in built else built


class _WithoutNull(_Generator):
    """For formats in which a key without a value is a mistake."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of the value."""
        return self.generate_inner(schema["schema"])


def _docstrings(model: type[FileModel]) -> Mapping[str, str]:
    """What is said of each field of a model, by the model or what it is derived from."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, FileModel):
            continue
        (defined,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(defined, ast.ClassDef)
        for field, after in pairwise(defined.body):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
    return found


def schema(name: str, checks: Mapping[str, DescribedCheck]) -> Schema:
    """The JSON Schema of the format `name` (one of `NAMES`); a baseline's covers the `expect` of every check."""
    generator = _Generator if name == "baseline" else _WithoutNull
    built = _MODELS[name].model_json_schema(schema_generator=generator)
    built = {"$schema": DIALECT, **built, "title": f"secaudit {name}"}
    if name == "baseline":
        _add_expectations(built, checks)
    return built


def _add_expectations(baseline: Schema, checks: Mapping[str, DescribedCheck]) -> None:
    """Make the `expect` of a control that names its check match what the check takes.

    A control without `check` changes a parent's one and may hold any part of an expectation, so it is left alone.
    """
    definitions = baseline["$defs"]
    control = definitions["ControlFile"]
    titles = [{"const": name, "title": found.title} for name, found in sorted(checks.items())]
    control["properties"]["check"]["anyOf"] = [{"oneOf": titles}, {"type": "null"}]
    control["allOf"] = []
    for name, found in sorted(checks.items()):
        expect = found.expect.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}", schema_generator=_Generator)
        for inner, definition in expect.pop("$defs", {}).items():
            definitions[f"{name}.{inner}"] = _or_parameter(definition)
        definitions[name] = _or_parameter(expect)
        then = {"properties": {"expect": {"$ref": f"#/$defs/{name}"}}, **_required(expect)}
        control["allOf"].append({"if": {"properties": {"check": {"const": name}}, "required": ["check"]}, "then": then})


def _required(expect: Schema) -> Schema:
    return {"required": ["expect"]} if expect.get("required") else {}


def _or_parameter(schema: Schema) -> Schema:
    """The schema of an object whose values may each be a `{{parameter}}` instead."""
    opened = dict(schema)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            opened[key] = _either(schema[key])
    for key in ("properties", "patternProperties"):
        if key in schema:
            opened[key] = {name: _either(inner) for name, inner in schema[key].items()}
    for key in ("prefixItems", "anyOf", "oneOf", "allOf"):
        if key in schema:
            opened[key] = [_or_parameter(inner) for inner in schema[key]]
    return opened


def _either(schema: Schema) -> Schema:
    return {"anyOf": [_or_parameter(schema), _REFERENCE]}
