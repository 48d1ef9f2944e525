"""The algebra of baselines, on arbitrary trees."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from secaudit.config.errors import Problem
from secaudit.config.merging import leaves, overlay, references, substitute
from secaudit.config.source import Entry, Located, Node, parse_yaml
from secaudit.model.baseline import Location

KEYS = st.sampled_from("abc")
SCALARS = st.integers(0, 9) | st.booleans() | st.text("xyz", max_size=3)
VALUES = SCALARS | st.lists(SCALARS, max_size=2)
MAPS = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3),
    lambda inner: st.dictionaries(KEYS, VALUES | inner, max_size=3),
    max_leaves=12,
)


def shaped(depth: int) -> st.SearchStrategy[dict[str, object]]:
    """Maps in which the same keys always hold the same kind: a map under m and n, a value under the others."""
    values: st.SearchStrategy[dict[str, object]] = st.dictionaries(KEYS, VALUES, max_size=2)
    if depth == 0:
        return values
    maps = st.dictionaries(st.sampled_from("mn"), shaped(depth - 1), max_size=2)
    return st.builds(lambda plain, nested: {**plain, **nested}, values, maps)


SHAPED = shaped(3)


def tree(data: object, name: str = "f") -> Node:
    return parse_yaml(json.dumps(data, indent=1), name)


def data(node: Node) -> object:
    return Located.of(node).data


def laid(lower: Node | None, upper: Node) -> Node:
    problems: list[Problem] = []
    merged = overlay(lower, upper, problems)
    assert problems == []
    return merged


@given(MAPS, MAPS)
def test_every_leaf_of_the_upper_tree_wins_and_no_other_leaf_appears(a: object, b: object) -> None:
    lower, upper = tree(a, "lower"), tree(b, "upper")
    merged = laid(lower, upper)
    theirs = {path for path, _ in leaves(upper)}
    for path, location in leaves(merged):
        source = upper if location.file == "upper" else lower
        keys = path.split(".")
        found, origin = merged.child(*keys), source.child(*keys)
        assert found is not None
        assert origin is not None
        assert data(found) == data(origin)
        assert location.file == "upper" or path not in theirs


@given(MAPS)
def test_laying_a_tree_over_itself_or_over_nothing_changes_nothing(a: object) -> None:
    assert data(laid(tree(a), tree(a))) == a
    assert data(laid(None, tree(a))) == a
    assert data(laid(tree(a), tree({}))) == a


@given(SHAPED, SHAPED, SHAPED)
def test_overlays_are_associative_where_maps_meet_maps(a: object, b: object, c: object) -> None:
    left = laid(laid(tree(a, "a"), tree(b, "b")), tree(c, "c"))
    right = laid(tree(a, "a"), laid(tree(b, "b"), tree(c, "c")))
    assert data(left) == data(right)
    assert dict(leaves(left)) == dict(leaves(right))


@given(MAPS, MAPS)
def test_every_leaf_points_at_the_line_that_holds_its_key(a: object, b: object) -> None:
    texts = {"lower": json.dumps(a, indent=1).split("\n"), "upper": json.dumps(b, indent=1).split("\n")}
    for path, location in leaves(laid(tree(a, "lower"), tree(b, "upper"))):
        line = texts[location.file][location.line - 1]
        assert line[location.column - 1 :].startswith(json.dumps(path.split(".")[-1]))


@given(MAPS)
def test_a_tree_without_references_is_left_as_it_is(a: object) -> None:
    problems: list[Problem] = []
    assert data(substitute(tree(a), {}, problems)) == a
    assert problems == []


def test_null_takes_back_what_is_below_and_is_a_problem_otherwise() -> None:
    problems: list[Problem] = []
    merged = overlay(tree({"a": {"b": 1, "c": 2}}), parse_yaml("a:\n  b:\n  d:\ne: {f: ~}\n", "f"), problems)
    assert data(merged) == {"a": {"c": 2}, "e": {}}
    hint = "(null takes back what a parent set, and none of them set this)"
    assert [str(problem) for problem in problems] == [
        f"f:3:3: 'd' has no value {hint}",
        f"f:4:5: 'f' has no value {hint}",
    ]


def parameters(text: str) -> dict[str, Entry]:
    return dict(parse_yaml(text, "p").entries)


def test_a_whole_reference_keeps_the_type_and_a_part_becomes_text() -> None:
    given_values = parameters("nets: [10.0.0.0/8, {a: 1}]\nport: 22\non: true\nwho: anna")
    node = parse_yaml("a: '{{nets}}'\nb: ['{{ port }}', x]\nc: 'ask {{who}}: {{port}}, {{on}}'\nd: '{{on}}'", "f")
    problems: list[Problem] = []
    filled = substitute(node, given_values, problems)
    assert problems == []
    assert data(filled) == {
        "a": ["10.0.0.0/8", {"a": 1}],
        "b": [22, "x"],
        "c": "ask anna: 22, true",
        "d": True,
    }
    assert set(references(node)) == {"nets", "port", "who", "on"}
    assert dict(leaves(filled))["a"] == Location("p", 1, 1)
    assert dict(leaves(filled))["b"] == Location("f", 2, 1)
    assert dict(leaves(filled))["d"] == Location("p", 3, 1)


def test_what_cannot_be_put_in() -> None:
    problems: list[Problem] = []
    node = parse_yaml("a: '{{ntes}}'\nb: ['x {{nets}}', 'x {{map}}', '{{.Names}}', '{{nets']", "f")
    filled = substitute(node, parameters("nets: [a]\nmap: {b: c}"), problems)
    assert data(filled) == {"a": "{{ntes}}", "b": ["x {{nets}}", "x {{map}}", "{{.Names}}", "{{nets"]}
    assert [str(problem) for problem in problems] == [
        "f:1:4: there is no parameter 'ntes' (did you mean 'nets'?)",
        "f:2:5: parameter 'nets' cannot stand inside of a text (p:1 sets a list or a map)",
        "f:2:19: parameter 'map' cannot stand inside of a text (p:2 sets a list or a map)",
    ]
