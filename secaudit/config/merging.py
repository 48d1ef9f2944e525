"""The algebra of baselines: laying one tree over another, and putting parameters in.

Maps merge key by key, to any depth; everything else (text, numbers, lists) is replaced as a whole. A null in the upper
tree takes the key back that the lower one set, as in a JSON merge patch (RFC 7396); unlike there, a null that takes
nothing back is a problem, since it is usually a value that was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from secaudit.config.errors import Problem, suggestion
from secaudit.config.source import Entry, Node
from secaudit.model.baseline import Location

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}", re.ASCII)


def overlay(lower: Node | None, upper: Node, problems: list[Problem]) -> Node:
    """`upper` laid over `lower`; places are those of whoever set a value last. Adds what is wrong to `problems`."""
    if not isinstance(upper.value, dict):
        return upper
    entries = dict(lower.entries) if lower else {}
    for key, entry in upper.value.items():
        below = entries.get(key)
        if entry.node.value is not None:
            entries[key] = Entry(entry.key, overlay(below.node if below else None, entry.node, problems))
        elif below:
            del entries[key]
        else:
            hint = "null takes back what a parent set, and none of them set this"
            problems.append(Problem(entry.key, f"{key!r} has no value", hint))
    return Node(entries, upper.location)


def references(node: Node) -> Iterator[str]:
    """The names of the parameters that a tree uses."""
    if isinstance(node.value, str):
        yield from _REFERENCE.findall(node.value)
    for child in node.children:
        yield from references(child)


def substitute(node: Node, parameters: Mapping[str, Entry], problems: list[Problem]) -> Node:
    """The tree with every `{{name}}` replaced.

    A text that is nothing but one reference becomes the parameter's value, whatever its type; inside of a longer text
    the parameter must be a text, a number or true/false. Keys are left as they are. Adds what is wrong to `problems`.
    """
    value = node.value
    if isinstance(value, str):
        return _substitute_text(node, value, parameters, problems)
    if isinstance(value, dict):
        entries = {key: Entry(entry.key, substitute(entry.node, parameters, problems)) for key, entry in value.items()}
        return Node(entries, node.location, node.origin)
    if isinstance(value, list):
        return Node([substitute(item, parameters, problems) for item in value], node.location, node.origin)
    return node


def _substitute_text(node: Node, text: str, parameters: Mapping[str, Entry], problems: list[Problem]) -> Node:
    whole = _REFERENCE.fullmatch(text)
    names = set(_REFERENCE.findall(text))
    unknown = sorted(names - parameters.keys())
    problems += [
        Problem(node.location, f"there is no parameter {name!r}", suggestion(name, parameters)) for name in unknown
    ]
    if unknown:
        return node
    if whole:
        entry = parameters[whole[1]]
        return Node(entry.node.value, entry.node.location, entry.key)
    words: dict[str, str] = {}
    for name in names:
        value = parameters[name].node.value
        if isinstance(value, str | int | float):
            words[name] = _word(value)
        else:
            hint = f"{parameters[name].key} sets a list or a map"
            problems.append(Problem(node.location, f"parameter {name!r} cannot stand inside of a text", hint))
            return node
    return Node(_REFERENCE.sub(lambda found: words[found[1]], text), node.location, node.origin)


def _word(value: str | float) -> str:
    """A scalar as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def leaves(node: Node, prefix: str = "") -> Iterator[tuple[str, Location]]:
    """Dotted path of every value that is replaced as a whole (lists included), and the place that set it."""
    for key, entry in node.entries.items():
        path = f"{prefix}.{key}" if prefix else key
        if entry.node.entries:
            yield from leaves(entry.node, path)
        else:
            yield path, entry.node.origin or entry.key
