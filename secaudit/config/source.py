"""Reading one YAML file, once, into a tree whose every key and value knows its place.

The dialect is a safe part of YAML 1.2: scalars follow the core schema (section 10.3), so that `NO`, `17:00` and
`2026-12-24` stay text; keys are always text; duplicate keys, merge keys (`<<`), tags other than the core ones, several
documents, and files or alias expansions beyond the limits below are refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from secaudit.config.errors import ConfigError, Problem
from secaudit.model.baseline import Location

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 200_000
"""Keys and values of a file after its aliases are expanded."""

YamlPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document to a value."""

Scalar = str | int | float | bool | None

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins. `origin` is set when a parameter stands in: the place that set the parameter."""

    value: Scalar | list[Node] | dict[str, Entry]
    location: Location
    origin: Location | None = None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries of a map; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def children(self) -> list[Node]:
        """The values of a map or a list."""
        return self.value if isinstance(self.value, list) else [entry.node for entry in self.entries.values()]

    def child(self, *keys: str) -> Node | None:
        """The value below nested keys, None when one is missing."""
        node: Node | None = self
        for key in keys:
            entry = node.entries.get(key) if node else None
            node = entry.node if entry else None
        return node


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of a key and where the key stands."""

    key: Location
    node: Node


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its path, how messages call it, the sha256 of its bytes, and its tree."""

    path: Path
    shown: str
    sha256: str
    root: Node


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data with the place of every value and of every key."""

    data: object
    values: Mapping[YamlPath, Location] = field(default_factory=dict)
    keys: Mapping[YamlPath, Location] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Node) -> Located:
        """Flatten a tree."""
        values: dict[YamlPath, Location] = {}
        keys: dict[YamlPath, Location] = {}
        return cls(_flatten(root, (), values, keys), values, keys)


def read_yaml(path: Path, shown: str | None = None) -> Source:
    """Read a file. `shown` is how messages call it, by default the path as given.

    Raises ConfigError when it cannot be read, is not UTF-8, or is not the one document that the dialect allows.
    """
    name = shown or str(path)
    raw = _read(path, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line_start = before.rfind(b"\n") + 1
        location = Location(name, before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)
        hint = "save the file with the encoding UTF-8"
        raise ConfigError.at(location, f"byte 0x{raw[error.start]:02x} is not UTF-8", hint) from None
    return Source(path, name, hashlib.sha256(raw).hexdigest(), parse_yaml(text, name))


def parse_yaml(text: str, name: str) -> Node:
    """Parse the text of a document; `name` is the file that locations name. Raises ConfigError."""
    try:
        root = _Composer(name, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = Location(name, mark.line + 1, mark.column + 1) if mark else Location(name, 1)
        raise ConfigError.at(location, f"not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        at = error.position if isinstance(error.position, int) else 0
        location = Location(name, text.count("\n", 0, at) + 1)
        raise ConfigError.at(location, f"not valid YAML: {error.reason}") from None
    return root


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError.at(None, f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise ConfigError.at(None, f"{name}: this is a directory, a file is needed") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError.at(None, f"{name}: cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError.at(None, f"{name}: larger than {MAX_BYTES // 1024 // 1024} MiB")
    return raw


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep, aliases expanded"


class _Composer:
    """Builds the tree from parser events, because the parser's own composer knows no limit of depth."""

    def __init__(self, name: str, events: Iterator[yaml.Event]) -> None:
        self._name = name
        self._events = events
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._size = 0

    def document(self) -> Node:
        next(self._events)  # the start of the stream
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            raise ConfigError.at(Location(self._name, 1), "the file is empty")
        root = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            message = "a second document begins here, and a file holds one"
            raise ConfigError.at(self._at(following), message, "move it to a file of its own")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        location = self._at(event)
        if depth > MAX_DEPTH:
            raise ConfigError.at(location, _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth, location)
        assert isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent)
        before = self._size
        self._grow(1, location)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = Node(self._value(event, depth, location), location)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._size - before)
        return node

    def _value(self, event: yaml.Event, depth: int, location: Location) -> Scalar | list[Node] | dict[str, Entry]:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, location)
        if isinstance(event, yaml.SequenceStartEvent):
            _require_tag(event.tag, "seq", location)
            return list(self._items(depth))
        assert isinstance(event, yaml.MappingStartEvent)
        _require_tag(event.tag, "map", location)
        return self._entries(depth)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            location = self._at(event)
            if not isinstance(event, yaml.ScalarEvent):
                hint = "put a {{parameter}} in quotes" if isinstance(event, yaml.MappingStartEvent) else ""
                raise ConfigError.at(location, "a key must be plain text", hint)
            key = event.value
            if key == "<<" and event.implicit[0]:
                raise ConfigError.at(location, "merge keys (<<) are not supported", "write the values out")
            if key in entries:
                first = entries[key].key
                raise ConfigError.at(location, f"duplicate key {key!r}", f"first at {first}:{first.column}")
            entries[key] = Entry(location, self._node(next(self._events), depth + 1))
        return entries

    def _alias(self, event: yaml.AliasEvent, depth: int, location: Location) -> Node:
        if event.anchor not in self._anchors:
            raise ConfigError.at(location, f"nothing is anchored as &{event.anchor}")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise ConfigError.at(location, f"*{event.anchor} stands inside of what it repeats")
        node, size = anchored
        self._grow(size, location)
        if depth + _height(node) > MAX_DEPTH:
            raise ConfigError.at(location, _TOO_DEEP)
        return node

    def _grow(self, count: int, location: Location) -> None:
        self._size += count
        if self._size > MAX_NODES:
            raise ConfigError.at(location, f"more than {MAX_NODES} values, aliases expanded")

    def _at(self, event: yaml.Event) -> Location:
        mark = event.start_mark
        assert mark is not None  # only events that are made by hand have none
        return Location(self._name, mark.line + 1, mark.column + 1)


# YAML 1.2.2 section 10.3.2, without `.inf` and `.nan`: no value in these files can be either, so they stay text.
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LONGEST_NUMBER = 40


def _scalar(event: yaml.ScalarEvent, location: Location) -> Scalar:
    if event.tag is None and event.implicit[0]:
        return _plain(event.value, location)
    if event.tag is not None and event.tag != "!":
        _require_tag(event.tag, "str", location)
    return event.value


def _plain(text: str, location: Location) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    number = (
        _INTEGER.fullmatch(text) or _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text) or _FLOAT.fullmatch(text)
    )
    if number is None:
        return text
    if len(text) > _LONGEST_NUMBER:
        raise ConfigError.at(location, f"a number of {len(text)} digits", "put it in quotes if it is text")
    if _INTEGER.fullmatch(text):
        return int(text)
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ConfigError.at(location, f"the number {text} is too large", "put it in quotes if it is text")
    return value


def _require_tag(tag: str | None, kind: str, location: Location) -> None:
    if tag is not None and tag not in (f"{_CORE}{kind}", "!"):
        shown = tag.replace(_CORE, "!!")
        raise ConfigError([Problem(location, f"the tag {shown} is not supported", "leave the tag out")])


def _height(node: Node) -> int:
    """How many levels there are below a value."""
    return max((1 + _height(child) for child in node.children), default=0)


def _flatten(node: Node, path: YamlPath, values: dict[YamlPath, Location], keys: dict[YamlPath, Location]) -> object:
    values[path] = node.location
    if isinstance(node.value, dict):
        for key, entry in node.value.items():
            keys[*path, key] = entry.key
        return {key: _flatten(entry.node, (*path, key), values, keys) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_flatten(item, (*path, index), values, keys) for index, item in enumerate(node.value)]
    return node.value
