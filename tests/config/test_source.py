"""One YAML file, read once: what its scalars mean, where everything stands, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secaudit.config import source
from secaudit.config.errors import ConfigError, Problem
from secaudit.config.source import MAX_BYTES, MAX_DEPTH, MAX_NODES, Located, parse_yaml, read_yaml
from secaudit.model.baseline import Location
from tests.config.conftest import Write, messages


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers: the one in C, and the one that stands in where it is missing."""
    loader = yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    monkeypatch.setattr(source, "_LOADER", loader)
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("17:00", "17:00"),
        ("08:00", "08:00"),
        ("2026-12-24", "2026-12-24"),
        ("1_000", "1_000"),
        ("22", 22),
        ("-5", -5),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("120.00", 120.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1.2.3", "1.2.3"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'22'", "22"),
        ('"~"', "~"),
        ("!!str 22", "22"),
        ("! 22", "22"),
        ("=", "="),
        ("٣", "٣"),
    ],
)
def test_scalars_follow_the_core_schema(parser: str, text: str, value: object) -> None:
    read = Located.of(parse_yaml(f"key: {text}\n", "f")).data
    assert read == {"key": value}
    assert isinstance(read, dict)
    assert type(read["key"]) is type(value)


def test_keys_are_text_whatever_they_look_like(parser: str) -> None:
    read = Located.of(parse_yaml("{22: a, 1.10: b, true: c, ~: d, NO: e}", "f")).data
    assert read == {"22": "a", "1.10": "b", "true": "c", "~": "d", "NO": "e"}


def test_every_key_and_value_knows_its_place(parser: str) -> None:
    text = "a:\n  b: [x, {c: 1}]\nd: &d\n  e: 2\nf: *d\n"
    read = Located.of(parse_yaml(text, "f"))
    assert read.data == {"a": {"b": ["x", {"c": 1}]}, "d": {"e": 2}, "f": {"e": 2}}
    assert read.keys == {
        ("a",): Location("f", 1, 1),
        ("a", "b"): Location("f", 2, 3),
        ("a", "b", 1, "c"): Location("f", 2, 11),
        ("d",): Location("f", 3, 1),
        ("d", "e"): Location("f", 4, 3),
        ("f",): Location("f", 5, 1),
        ("f", "e"): Location("f", 4, 3),
    }
    assert read.values["a", "b", 0] == Location("f", 2, 7)
    assert read.values["a", "b", 1, "c"] == Location("f", 2, 14)
    assert read.values["f", "e"] == Location("f", 4, 6)
    assert read.values[()] == Location("f", 1, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1:1: the file is empty"),
        ("# nothing\n", "f:1:1: the file is empty"),
        ("a: 1\nb: 2\na: 3\n", "f:3:1: duplicate key 'a' (first at f:1:1)"),
        ("x: {22: a, '22': b}", "f:1:12: duplicate key '22' (first at f:1:5)"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "f:3:3: merge keys (<<) are not supported (write the values out)"),
        (
            "a: 1\n---\nb: 2\n",
            "f:2:1: a second document begins here, and a file holds one (move it to a file of its own)",
        ),
        (
            "a: !!python/object:os.system {}",
            "f:1:4: the tag !!python/object:os.system is not supported (leave the tag out)",
        ),
        ("a: !!int 5", "f:1:4: the tag !!int is not supported (leave the tag out)"),
        ("a: !mine [1]", "f:1:4: the tag !mine is not supported (leave the tag out)"),
        ("? [1]\n: a", "f:1:3: a key must be plain text"),
        ("a: {{nets}}", "f:1:5: a key must be plain text (put a {{parameter}} in quotes)"),
        ("a: *b", "f:1:4: nothing is anchored as &b"),
        ("a: &a [1, *a]", "f:1:11: *a stands inside of what it repeats"),
        (f"a: {'9' * 41}", "f:1:4: a number of 41 digits (put it in quotes if it is text)"),
        ("a: 1e999", "f:1:4: the number 1e999 is too large (put it in quotes if it is text)"),
    ],
)
def test_what_is_refused(parser: str, text: str, message: str) -> None:
    assert messages(lambda: parse_yaml(text, "f")) == [message]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: b: c\n", 1, 5), ("a: 1\n\tb: 2\n", 2, 1), ("a: 'x\n", 2, 1), ("a: \x01\n", 1, 1)],
)
def test_broken_yaml_names_the_place(text: str, line: int, column: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f")
    (problem,) = caught.value.problems
    assert problem.message.startswith("not valid YAML: ")
    assert problem.location == Location("f", line, column)


def test_nesting_is_bounded(parser: str) -> None:
    def nested(depth: int) -> str:
        return "[" * depth + "]" * depth

    parse_yaml(nested(MAX_DEPTH), "f")
    (message,) = messages(lambda: parse_yaml(nested(5_000), "f"))
    assert message == f"f:1:{MAX_DEPTH + 2}: nested more than {MAX_DEPTH} levels deep, aliases expanded"


def test_aliases_cannot_hide_depth(parser: str) -> None:
    def chained(links: int) -> str:
        above = [f"a{n}: &a{n} {'[' * 18}*a{n - 1}{']' * 18}" for n in range(1, links)]
        return "\n".join(["a0: &a0 [x]", *above])

    assert Located.of(parse_yaml(chained(3), "f")).values["a2", *([0] * 37)].line == 1
    (message,) = messages(lambda: parse_yaml(chained(200), "f"))
    assert message == f"f:4:{9 + 18}: nested more than {MAX_DEPTH} levels deep, aliases expanded"


def test_aliases_cannot_multiply_without_bound(parser: str) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (message,) = messages(lambda: parse_yaml("\n".join(rows), "f"))
    assert message.endswith(f"more than {MAX_NODES} values, aliases expanded")


def test_the_bytes_are_read_once_and_hashed(write: Write) -> None:
    path = write("a.yaml", "a: 1\n")
    read = read_yaml(path)
    assert read.sha256 == hashlib.sha256(b"a: 1\n").hexdigest()
    assert read.root.location == Location("a.yaml", 1)
    assert read_yaml(path, shown="shipped/a.yaml").root.location.file == "shipped/a.yaml"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert Located.of(read_yaml(path).root).data == {"a": 1}


def test_what_cannot_be_read_says_why(write: Write) -> None:
    path = write("a.yaml", "a: 1\n")
    Path("folder").mkdir()
    Path("latin.yaml").write_bytes("a: 1\nb: ä: Ö\n".encode("latin-1"))
    Path("large.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert messages(lambda: read_yaml(Path("none.yaml"))) == ["none.yaml: there is no such file"]
    assert messages(lambda: read_yaml(Path("folder"))) == ["folder: this is a directory, a file is needed"]
    assert messages(lambda: read_yaml(path / "x")) == ["a.yaml/x: cannot be read: Not a directory"]
    assert messages(lambda: read_yaml(Path("large.yaml"))) == ["large.yaml: larger than 2 MiB"]
    assert messages(lambda: read_yaml(Path("latin.yaml"))) == [
        "latin.yaml:2:4: byte 0xe4 is not UTF-8 (save the file with the encoding UTF-8)"
    ]


def test_messages_are_inert_for_a_terminal() -> None:
    problem = Problem(Location("f", 1), "unknown key '\x1b[31m\u202e\n'")
    assert str(problem) == "f:1:1: unknown key '\\x1b[31m\\u202e\\n'"


def test_messages_are_bounded() -> None:
    problem = Problem(Location("f", 1), "x" * 10_000, "y" * 10_000)
    assert str(problem) == f"f:1:1: {'x' * 1000}… ({'y' * 1000}…)"


_PIECES = (
    *("a", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "!!", "'", '"', "\\ud800", ">", "#", "---"),
    *("|", "?", "%", "\t", "\0", "é", "~", "<<", "1e9", "0x", "\u2028", "@", "`"),
)
_YAML_LIKE = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join)


@given(_YAML_LIKE | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = Located.of(parse_yaml(text, "f"))
    except ConfigError as error:
        places = [problem.location for problem in error.problems]
    else:
        places = [*read.values.values(), *read.keys.values()]
    assert places
    assert all(place is not None and place.line >= 1 and place.column >= 1 for place in places)


@given(st.binary() | st.tuples(_YAML_LIKE, st.binary(max_size=3)).map(lambda parts: parts[0].encode() + parts[1]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    problems: tuple[Problem, ...] = ()
    digest = hashlib.sha256(raw).hexdigest()
    try:
        digest = read_yaml(path).sha256
    except ConfigError as error:
        problems = error.problems
    assert digest == hashlib.sha256(raw).hexdigest()
    assert len(problems) <= 1
