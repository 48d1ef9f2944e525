"""Feed sources: what they mean, and every way to get one wrong."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secaudit.cli import main
from secaudit.cli.exits import Exit
from secaudit.config.errors import ConfigError
from secaudit.config.feeds import load_feed_sources
from secaudit.model.feed import FeedSource, FeedSources
from tests.config.conftest import Write, messages

PIN = "0a" * 32
WHOLE = f"""\
mirror: https://mirror.example/feeds
feeds:
- url: https://feeds.example/Debian/all.zip
- {{url: "https://tracker.example/data/json?x=1", name: tracker.json}}
- {{url: "https://vendor.example/vex.json", expires: 2027-03-31}}
- {{url: "http://127.0.0.1:8080/kev.json", sha256: {PIN}}}
"""


def test_the_whole(write: Write) -> None:
    read = load_feed_sources(write("sources.yaml", WHOLE))
    assert read == FeedSources(
        (
            FeedSource("https://feeds.example/Debian/all.zip"),
            FeedSource("https://tracker.example/data/json?x=1", name="tracker.json"),
            FeedSource("https://vendor.example/vex.json", expires=date(2027, 3, 31)),
            FeedSource("http://127.0.0.1:8080/kev.json", sha256=PIN),
        ),
        mirror="https://mirror.example/feeds",
    )
    assert [feed.file for feed in read.feeds] == ["all.zip", "tracker.json", "vex.json", "kev.json"]


@pytest.mark.parametrize(
    "entry",
    [
        "",
        ", name: ''",
        ", sha256: ''",
        ", expires: ",
        ", expires: null",
        ", expires: '2027-03-31'",
        ", expires: 2027-03-31T00:00:00Z",
        ", name: a/b.json",
    ],
)
def test_what_may_be_left_out_or_empty(write: Write, entry: str) -> None:
    path = write("sources.yaml", f"mirror: ''\nfeeds: [{{url: 'https://feeds.example/x'{entry}}}]")
    (feed,) = load_feed_sources(path).feeds
    assert feed.expires == (date(2027, 3, 31) if "2027" in entry else None)
    assert feed.file == ("b.json" if "b.json" in entry else "x")


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://feeds.example/x",
        "http://localhost/x",
        "http://[::1]:81/x",
        "https://exämple.example/x",
        "https://feeds.example",
        "https://feeds.example/Rocky%20Linux/all.zip#part two",
        " https://feeds.example/x ",
    ],
)
def test_addresses_that_can_be_fetched(write: Write, url: str) -> None:
    (feed,) = load_feed_sources(write("sources.yaml", f"feeds: [{{url: '{url}'}}]")).feeds
    assert feed.url == url.strip()


def test_one_feed_may_be_named_twice(write: Write) -> None:
    """Two addresses of endoflife.date, or one with two pins, are nobody's mistake to the program."""
    path = write(
        "sources.yaml", "feeds: [{url: https://a.example/x, name: d.json}, {url: https://b.example/, name: d.json}]"
    )
    assert [feed.file for feed in load_feed_sources(path).feeds] == ["d.json", "d.json"]


EXAMPLE = "write for example https://feeds.example/all.zip"
CHARACTERS = "has characters that no address has; write them as %20 and the like"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["s.yaml:1:1: the file is empty"]),
        ("# nothing yet\n", ["s.yaml:1:1: the file is empty"]),
        ("{", ["s.yaml:2:1: not valid YAML: did not find expected node content"]),
        ("feeds", ["s.yaml:1:1: expected a map of keys and values, found the text 'feeds'"]),
        ("- {url: https://a.example/x}", ["s.yaml:1:1: expected a map of keys and values, found a list"]),
        ("mirror: ''\n", ["s.yaml:1:1: the key 'feeds' is missing"]),
        ("feeds:\n", ["s.yaml:1:7: feeds: expected a list, found nothing"]),
        ("feeds: []", ["s.yaml:1:8: feeds: must not be empty"]),
        ("feeds: {url: https://a.example/x}", ["s.yaml:1:8: feeds: expected a list, found a map"]),
        (
            "feeds: [https://a.example/x]",
            ["s.yaml:1:9: feeds: expected a map of keys and values, found the text 'https://a.example/x'"],
        ),
        ("feeds:\n- {name: x}", ["s.yaml:2:3: the key 'url' is missing"]),
        ("feeds:\n- {url: }", ["s.yaml:2:9: url: expected text, found nothing"]),
        ("feeds:\n- {url: 5}", ["s.yaml:2:9: url: expected text, found the number 5 (put it in quotes)"]),
        (
            "feed: []\nfeeds:\n- {url: 'https://a.example/x', sha: 1}",
            [
                "s.yaml:1:1: unknown key 'feed' (did you mean 'feeds'?)",
                "s.yaml:3:32: unknown key 'sha' (did you mean 'sha256'?)",
            ],
        ),
        (
            "feeds:\n- {url: https://a.example/x, expire: 2027-03-31}",
            ["s.yaml:2:30: unknown key 'expire' (did you mean 'expires'?)"],
        ),
        (
            "feeds:\n- url: https://a.example/x\n  url: https://a.example/y",
            ["s.yaml:3:3: duplicate key 'url' (first at s.yaml:2:3)"],
        ),
        ("feeds: []\nfeeds: []", ["s.yaml:2:1: duplicate key 'feeds' (first at s.yaml:1:1)"]),
        (
            "feeds:\n- url: http://feeds.example/x",
            [f"s.yaml:2:8: 'http://feeds.example/x' is not an https address; {EXAMPLE}"],
        ),
        (
            "feeds: [{url: 'file:///etc/passwd'}]",
            [f"s.yaml:1:15: 'file:///etc/passwd' is not an https address; {EXAMPLE}"],
        ),
        ("feeds: [{url: ''}]", [f"s.yaml:1:15: '' is not an https address; {EXAMPLE}"]),
        (
            "mirror: http://m.example\nfeeds: [{url: https://a.example/x}]",
            [f"s.yaml:1:9: 'http://m.example' is not an https address; {EXAMPLE}"],
        ),
        (
            "mirror:\nfeeds: [{url: https://a.example/x}]",
            ["s.yaml:1:8: mirror: expected text, found nothing"],
        ),
        ("feeds: [{url: 'https:///x'}]", [f"s.yaml:1:15: 'https:///x' names no host; {EXAMPLE}"]),
        ("feeds: [{url: 'https://[::1/x'}]", [f"s.yaml:1:15: 'https://[::1/x' is not an address; {EXAMPLE}"]),
        (
            "feeds: [{url: 'https://a.example:x/'}]",
            [f"s.yaml:1:15: 'https://a.example:x/' is not an address; {EXAMPLE}"],
        ),
        ("feeds: [{url: 'https://a..example/'}]", [f"s.yaml:1:15: 'https://a..example/' is not an address; {EXAMPLE}"]),
        ("feeds: [{url: 'https://a.example/a b'}]", [f"s.yaml:1:15: 'https://a.example/a b' {CHARACTERS}"]),
        ("feeds: [{url: 'https://a.example/ä'}]", [f"s.yaml:1:15: 'https://a.example/ä' {CHARACTERS}"]),
        (
            f"feeds:\n- url: https://a.example/x\n  sha256: {PIN.upper()}",
            [f"s.yaml:3:11: '{PIN.upper()}' is not a sha256: 64 hexadecimal digits, letters in lower case"],
        ),
        (
            "feeds:\n- url: https://a.example\n  expires: 31.3.2027\n- url: https://a.example\n  expires: 2027-02-30",
            [
                "s.yaml:3:12: '31.3.2027' is not a day; write for example 2027-03-31",
                "s.yaml:5:12: '2027-02-30' is not a day; write for example 2027-03-31",
            ],
        ),
        (
            "feeds:\n- {url: https://a.example/x, expires: 20270331}",
            ["s.yaml:2:39: 20270331 is not a day; write for example 2027-03-31"],
        ),
        (
            "feeds:\n- {url: https://a.example/x, expires: [2027-03-31]}",
            ["s.yaml:2:39: this is not a day; write for example 2027-03-31"],
        ),
        (
            "feeds:\n- {url: https://a.example/x, name: ..}",
            ["s.yaml:2:36: '..' is not the name of a file; write for example tracker.json"],
        ),
        (
            'feeds:\n- {url: https://a.example/x, name: "a\\0"}',
            [r"s.yaml:2:36: 'a\x00' is not the name of a file; write for example tracker.json"],
        ),
        (
            "feeds: !!python/object:os.system [x]",
            ["s.yaml:1:8: the tag !!python/object:os.system is not supported (leave the tag out)"],
        ),
        (
            "--- {}\n--- {}\n",
            ["s.yaml:2:1: a second document begins here, and a file holds one (move it to a file of its own)"],
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(write: Write, text: str, expected: list[str]) -> None:
    path = write("s.yaml", text)
    assert messages(lambda: load_feed_sources(path)) == expected


def test_bytes_that_are_no_text(write: Write) -> None:
    path = write("s.yaml", "")
    path.write_bytes(b"feeds:\n- url: https://a.example/\xe4\n")
    assert messages(lambda: load_feed_sources(path)) == [
        "s.yaml:2:26: byte 0xe4 is not UTF-8 (save the file with the encoding UTF-8)"
    ]


def test_files_that_are_not_there(write: Write, tmp_path: Path) -> None:
    write("x", "")
    assert messages(lambda: load_feed_sources(Path("s.yaml"))) == ["s.yaml: there is no such file"]
    assert messages(lambda: load_feed_sources(tmp_path)) == [f"{tmp_path}: this is a directory, a file is needed"]


def test_a_password_in_an_address_is_not_shown(write: Write) -> None:
    text = """\
        mirror: ftp://anna:pa?ss@mirror.example/x
        feeds:
        - url: http://anna:hunter2@feeds.example/x?token=hunter2
        """
    assert messages(lambda: load_feed_sources(write("s.yaml", text))) == [
        f"s.yaml:1:9: '…@mirror.example/x' is not an address; {EXAMPLE}",
        f"s.yaml:3:8: '…@feeds.example/x' is not an https address; {EXAMPLE}",
    ]


@pytest.mark.parametrize("key", ["url", "name", "sha256", "expires"])
@given(value=st.text() | st.sampled_from(["https://", "https://\u202e", "http://[", "https://a:99999/", "1" * 5000]))
def test_any_text_is_read_or_refused_in_one_short_visible_line(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: str
) -> None:
    escaped = "".join(f"\\U{ord(letter):08x}" for letter in value)
    entry = {"url": '"https://a.example/x"', key: f'"{escaped}"'}
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text("feeds: [{" + ", ".join(f"{name}: {quoted}" for name, quoted in entry.items()) + "}]")
    try:
        read = load_feed_sources(path)
    except ConfigError as error:
        (line,) = str(error).splitlines()
        assert line.startswith(f"{path}:1:")
        assert line.isprintable()
        assert len(line) < len(str(path)) + 800
    else:
        assert key != "url" or read.feeds[0].url.lower().startswith("https://")


def test_the_command_says_it_and_imports_nothing(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("sources.yaml", "feeds:\n- {urll: https://a.example/x}\n")
    assert main.run(["feed", "update", "--sources", "sources.yaml", "--feeds", "feeds"]) == Exit.USAGE
    assert capsys.readouterr() == (
        "",
        "sources.yaml:2:3: the key 'url' is missing\nsources.yaml:2:4: unknown key 'urll' (did you mean 'url'?)\n",
    )
    assert not Path("feeds").exists()


def test_the_example_is_read_with_what_it_has_as_comments(tmp_path: Path) -> None:
    example = Path(str(resources.files("secaudit.config").joinpath("examples/feeds/sources.yaml")))
    written = example.read_text(encoding="utf-8")
    assert len(load_feed_sources(example).feeds) == 3
    opened = tmp_path / "sources.yaml"
    opened.write_text(re.sub(r"^#(?=mirror|  -)", "", written, flags=re.MULTILINE))
    everything = load_feed_sources(opened)
    assert everything.mirror
    assert len(everything.feeds) == written.count("{url:")
