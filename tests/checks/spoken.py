"""What the checks of a package can say, read from its source: literals and f-strings, with a mark for each value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

VALUE = "\ue000"
"""Stands for a value that is known at run time only (U+E000, private use)."""

SAID = frozenset({"title", "reason", "remediation", "observed", "expected", "note", "caveat", "faults", "why"})
"""Names of what reaches a reader."""

TOLD = {"Unproven": 1, "NotUnderstoodError": 0, "RulesetError": 0, "Unread": 1, "Unmodelled": 1}
"""What is made to carry a reason, and at which place that stands."""

_MOST = 400
_DEEPEST = 16
_TRANSPARENT = frozenset({"visible_line", "visible", "str", "list", "tuple", "sorted"})
_TRIMMING = frozenset({"strip", "removesuffix", "removeprefix", "rstrip"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Said:
    """A text that a check can say and where that is written; `\\ue000` stands for each value."""

    text: str
    place: str


def spoken(package: Path) -> Iterator[Said]:
    """Every text that is given as one of `SAID`, or as the reason of one of `TOLD`, anywhere below a folder."""
    for path in sorted(package.rglob("*.py")):
        module = _Module(ast.parse(path.read_text(encoding="utf-8")))
        for node, function in module.nodes:
            for value in module.given(node):
                for text in sorted(module.texts(value, function)):
                    yield Said(text, f"{path.relative_to(package.parent)}:{value.lineno}")


class _Module:
    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._parts: set[str] = set()

    @cached_property
    def nodes(self) -> list[tuple[ast.AST, Function | None]]:
        """Everything in the module with the function that it stands in."""
        return list(self._nodes(self._tree, None))

    def _nodes(self, node: ast.AST, function: Function | None) -> Iterator[tuple[ast.AST, Function | None]]:
        for child in ast.iter_child_nodes(node):
            yield child, function
            yield from self._nodes(child, child if isinstance(child, Function) else function)

    def given(self, node: ast.AST) -> Iterator[ast.expr]:
        """What is given as one of `SAID`: by keyword, by position to a function of the module, or by assignment."""
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in TOLD:
                yield from node.args[TOLD[name] : TOLD[name] + 1]
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                parameters = self._functions[name].args.args
                yield from (value for one, value in zip(parameters, node.args, strict=False) if one.arg in SAID)
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value) if name in SAID:
                yield value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in SAID:
                yield value
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg in SAID)

    @cached_property
    def _functions(self) -> dict[str, Function]:
        return {node.name: node for node in ast.walk(self._tree) if isinstance(node, Function)}

    def texts(self, value: ast.expr, function: Function | None) -> set[str]:
        """What an expression can be, and the parts of lists that are joined in it."""
        self._parts = set()
        whole = self._expand(value, function, 0)
        return {text for text in whole | self._parts if any(map(str.isalpha, text.replace(VALUE, "")))}

    def _expand(self, value: ast.expr, function: Function | None, depth: int) -> set[str]:
        if depth > _DEEPEST:
            return {VALUE}
        deeper = depth + 1
        match value:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=parts):
                return _joined(self._expand(part, function, deeper) for part in parts)
            case ast.FormattedValue(value=inner, format_spec=None, conversion=-1):
                return self._expand(inner, function, deeper)
            case ast.IfExp() | ast.BoolOp() | ast.Tuple() | ast.List():
                alternatives = _alternatives(value)
                return set().union(*(self._expand(part, function, deeper) for part in alternatives))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined(self._expand(part, function, deeper) for part in (left, right))
            case ast.Subscript(value=inner, slice=at):
                if isinstance(inner, ast.Name) and not isinstance(at, ast.Slice):
                    return self._of_table(inner.id)
                return self._expand(inner, function, deeper) if isinstance(at, ast.Slice) else {VALUE}
            case ast.Name(id=name):
                return self._named(name, function, deeper)
            case ast.Call():
                return self._called(value, function, deeper)
        return {VALUE}

    def _named(self, name: str, function: Function | None, depth: int) -> set[str]:
        bound: list[tuple[ast.AST, Function | None]] = []
        bound += [(node, function) for node in ast.walk(function)] if function else []
        found: set[str] = set()
        added: set[str] = set()
        for node, where in bound or [(node, None) for node in self._tree.body]:
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    found |= self._expand(value, where, depth)
                case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                    found |= self._expand(value, where, depth)
                case ast.AugAssign(target=ast.Name(id=target), op=ast.Add(), value=value) if target == name:
                    more = self._expand(value, where, depth)
                    found, added = (found | more, added) if _is_list(value) else (found, added | more)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr="append"), args=[value]) if (
                    target == name
                ):
                    found |= self._expand(value, where, depth)
        if not found and function is not None:
            arguments = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
            if name not in arguments and not _is_bound(name, function):
                return self._named(name, None, depth)
        return found | {one + more for one, more in product(found, added)} or {VALUE}

    def _called(self, call: ast.Call, function: Function | None, depth: int) -> set[str]:
        match call:
            case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in _TRANSPARENT:
                return self._expand(inner, function, depth)
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                called = self._functions[name]
                values = [
                    node.value
                    for node in ast.walk(called)
                    if isinstance(node, ast.Return | ast.Yield) and node.value is not None
                ]
                if _is_text(called):
                    return set().union(*(self._expand(value, called, depth) for value in values)) or {VALUE}
            case ast.Call(func=ast.Attribute(value=receiver, attr=attribute)) if attribute in _TRIMMING:
                return self._expand(receiver, function, depth)
            case ast.Call(func=ast.Attribute(value=receiver, attr="format")):
                return {_filled(text) for text in self._expand(receiver, function, depth)}
            case ast.Call(func=ast.Attribute(value=ast.Constant(value="; " | ", " | " "), attr="join"), args=[items]):
                self._parts |= self._items(items, function, depth)
        return {VALUE}

    def _items(self, items: ast.expr, function: Function | None, depth: int) -> set[str]:
        match items:
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element) | ast.SetComp(elt=element):
                return self._expand(element, function, depth)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return set().union(*(self._items(part, function, depth) for part in elements))
            case ast.Starred(value=inner):
                return self._items(inner, function, depth)
        return self._expand(items, function, depth)

    def _of_table(self, name: str) -> set[str]:
        for node in self._tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=target)], value=ast.Dict(values=values))
                    | ast.AnnAssign(target=ast.Name(id=target), value=ast.Dict(values=values))
                ) if target == name:
                    return set().union(*(self._expand(value, None, 0) for value in values))
        return {VALUE}


def _alternatives(value: ast.IfExp | ast.BoolOp | ast.Tuple | ast.List) -> list[ast.expr]:
    match value:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values):
            return values
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return elements


def _joined(parts: Iterator[set[str]]) -> set[str]:
    found = {""}
    for part in parts:
        found = {one + more for one, more in product(found, part)}
        if len(found) > _MOST:
            return {VALUE}
    return found


def _filled(text: str) -> str:
    pieces, inside = "", False
    for character in text:
        if character == "{":
            inside, pieces = True, pieces + VALUE
        elif character == "}":
            inside = False
        elif not inside:
            pieces += character
    return pieces


def _is_list(value: ast.expr) -> bool:
    return isinstance(value.body if isinstance(value, ast.IfExp) else value, ast.List | ast.ListComp)


def _is_bound(name: str, function: Function) -> bool:
    """Whether a function binds a name itself: in a loop, a comprehension, or any other way than by assignment."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(function)
    )


def _is_text(function: Function) -> bool:
    returns = ast.unparse(function.returns) if function.returns else ""
    return "str" in returns
