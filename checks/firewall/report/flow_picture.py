"""A way through the chains laid out as boxes: base chains along a trunk, what they lead to as a tree beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from secaudit.model.section import Arrow, Box, BoxKind, Picture

from ..analysis.chain_graph import Flow, Node
from ..rules.ruleset import Rule

_WIDTH, _LINE, _PADDING, _GAP, _INDENT = 272, 17, 8, 14, 32
_DEEPEST = 6
"""Levels that are set in further; deeper ones stay below each other."""

_LONGEST = 36
"""Characters that fit into a box."""


def picture(flow: Flow) -> Picture:
    """The flow as a picture."""
    sheet = _Sheet()
    above = sheet.box(0, ("Packets",), BoxKind.END)
    for node in flow.nodes:
        box = sheet.tree(node, 0)
        sheet.arrows.append(Arrow(((_INDENT // 2, above.y + above.height), (_INDENT // 2, box.y))))
        above = box
    last = sheet.box(0, ("Let through",), BoxKind.END)
    sheet.arrows.append(Arrow(((_INDENT // 2, above.y + above.height), (_INDENT // 2, last.y))))
    families = " and ".join(family.label for family in flow.families)
    title = f"{flow.title}, {families}"
    width = max(box.x + box.width for box in sheet.boxes)
    return Picture(
        title,
        " ".join(_described(flow)),
        width,
        last.y + last.height,
        tuple(sheet.boxes),
        tuple(sheet.arrows),
        flow.left,
    )


@dataclass(slots=True)
class _Sheet:
    """Where boxes are put, one below the other."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    y: int = 0

    def box(self, level: int, lines: tuple[str, ...], kind: BoxKind) -> Box:
        height = len(lines) * _LINE + 2 * _PADDING
        x = min(level, _DEEPEST) * _INDENT
        box = Box(x, self.y, _WIDTH, height, tuple(map(_cut, lines)), kind)
        self.boxes.append(box)
        self.y += height + _GAP
        return box

    def tree(self, node: Node, level: int) -> Box:
        box = self.box(level, tuple(_lines(node)), _kind(node))
        for child in node.children:
            below = self.tree(child, level + 1)
            middle = below.y + below.height // 2
            trunk = box.x + _INDENT // 2
            points = [(trunk, box.y + box.height), (trunk, middle), (below.x, middle)]
            if below.x <= box.x:
                points = [(trunk, box.y + box.height), (trunk, below.y)]
            self.arrows.append(Arrow(tuple(points), child.goto))
        return box


def _kind(node: Node) -> BoxKind:
    if node.again or (not node.chain.rules and node.chain.base is None):
        return BoxKind.FAINT
    return BoxKind.PLAIN if node.chain.base is None else BoxKind.STRONG


def _lines(node: Node) -> Iterator[str]:
    base = node.chain.base
    if base is not None:
        yield f"{node.table.label} {node.chain.name}"
        kind = "" if base.type == "filter" else f" {base.type}"
        yield f"{base.hook} {base.priority}{kind}, policy {base.policy}"
    else:
        yield node.chain.name
        yield _via(node)
    if node.again:
        yield "see above"
        return
    rules = len(node.chain.rules)
    counted = "" if node.packets is None else f", {node.packets:,} packets"
    yield f"{rules:,} {'rule' if rules == 1 else 'rules'}{counted}"


def _via(node: Node) -> str:
    first = _condition(node.via[0])
    word = "goto" if node.goto else "if"
    if len(node.via) > 1:
        return f"{len(node.via):,} rules lead here"
    return f"{word} {first}" if first else ("goto, always" if node.goto else "always")


def _condition(rule: Rule) -> str:
    """What the rule asks, without the verdict that its text ends with."""
    if not rule.matches:
        return ""
    text = rule.text
    for sign in (" -j ", " -g ", " jump ", " goto "):
        text = text.partition(sign)[0]
    return text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _described(flow: Flow) -> Iterator[str]:
    """The picture in words, for who does not see it."""
    for node in flow.nodes:
        below = ", ".join(child.chain.name for child in node.children)
        base = node.chain.base
        policy = f", policy {base.policy}" if base else ""
        leads = f" It leads to {below}." if below else ""
        yield f"{node.table.label} {node.chain.name}: {len(node.chain.rules):,} rules{policy}.{leads}"
