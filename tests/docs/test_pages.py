"""What pages say exists: commands with their options, files, headings; and nothing is left that no page leads to."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from secaudit.cli.main import command as root
from secaudit.cli.schema import command as schema_command
from secaudit.config.schemas import NAMES
from secaudit.plugins import discover
from tests.docs.pages import EXAMPLES, ROOT, Line, anchors, command_lines, links, name, pages, words

_PLACEHOLDER = re.compile(r"[A-Z][A-Z_.]*|\.\.\.|")


def problem(arguments: list[str]) -> str | None:
    """What the command line's own parser says against these words; None when they are in order. Nothing is run."""
    group: click.Command = root
    context = click.Context(root, info_name="secaudit")
    rest = arguments
    try:
        while isinstance(group, click.Group) and rest and not rest[0].startswith("-"):
            called, found, rest = group.resolve_command(context, rest)
            if found is None:
                return f"no command {called}"
            group, context = found, click.Context(found, info_name=called, parent=context)
        parsed, _, _ = group.make_parser(context).parse_args(list(rest))
        for parameter in group.params:
            given = parsed.get(parameter.name or "")
            for value in given if isinstance(given, list | tuple) else [given]:
                if isinstance(value, str) and not _PLACEHOLDER.fullmatch(value):
                    _offered(parameter, value, context)
    except click.UsageError as error:
        return error.format_message()
    return None


def _offered(parameter: click.Parameter, value: str, context: click.Context) -> None:
    """Raise UsageError when the value, or one of `a|b`, is none of those that the parameter offers."""
    if isinstance(parameter.type, click.Choice | click.IntRange):
        for one in value.split("|"):
            parameter.type(one, parameter, context)


def test_the_parser_refuses_what_does_not_exist() -> None:
    assert problem(["scan", "--inventory", "inventory", "--record", "DIR"]) is None
    assert problem(["schema", "NAME"]) is None
    assert "No such command" in (problem(["skan"]) or "")
    assert "No such option" in (problem(["report", "--moth", "2026-10"]) or "")
    assert "requires an argument" in (problem(["scan", "--only"]) or "")
    assert "is not one of" in (problem(["report", "--kind", "monthly|weekly"]) or "")


def test_command_lines_are_found_where_they_stand() -> None:
    found = command_lines()
    assert Line("README.md", "secaudit checks show network.open-ports") in found
    assert any(page == "docs/waivers.md" and "--subject" in text and "--expires" in text for page, text in found)
    assert ("secaudit/config/examples/waivers/example.yaml", "secaudit waivers check") in found
    assert words("secaudit sudoers --user audit > x.sudoers  # as root") == [["sudoers", "--user", "audit"]]
    assert words("secaudit firewall audit|diff …") == [["firewall", "audit"], ["firewall", "diff"]]


@pytest.mark.parametrize("line", dict.fromkeys(command_lines()), ids=lambda line: f"{line.page}: {line.text[:60]}")
def test_a_command_line_is_one_that_the_program_takes(line: Line) -> None:
    said = [problem(arguments) for arguments in words(line.text)]
    assert not any(said), f"{line.page}: {line.text}: {said}"


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.is_file() and page.suffix == ".md":
            reached.add(page)
            ahead += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]
    assert {name(page) for page in pages() if page.is_relative_to(ROOT / "docs")} <= {name(page) for page in reached}


def test_the_index_has_every_page_and_decision() -> None:
    for index in (ROOT / "docs" / "README.md", ROOT / "docs" / "adr" / "README.md"):
        beside = {page.name for page in index.parent.glob("*.md")} - {index.name}
        assert beside <= set(links(index)), index


def test_every_check_is_listed_with_its_title() -> None:
    told = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    for family, found in discover().families.items():
        for check in found.checks:
            assert f"| [`{check.id}`](../checks/{family}/docs/{check.slug}.md) | {check.title} |" in told


def test_every_format_has_its_page() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    (argument,) = (parameter for parameter in schema_command.params if parameter.name == "name")
    assert isinstance(argument.type, click.Choice)
    assert set(NAMES) < set(argument.type.choices)
    assert [name for name in argument.type.choices if f"secaudit schema {name}" not in told] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {
        target
        for page in pages()
        for target in re.findall(r"(?:`|^\s*)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert "audit" in told
    assert told <= targets


def _commands(group: click.Command, called: tuple[str, ...] = ("secaudit",)) -> list[tuple[str, click.Command]]:
    found = [(" ".join(called), group)]
    if isinstance(group, click.Group):
        context = click.Context(group)
        for sub in group.list_commands(context):
            below = group.get_command(context, sub)
            assert below is not None
            found += _commands(below, (*called, sub))
    return found


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{called} {parameter.opts[0]}"
        for called, command in _commands(root)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not parameter.hidden
    ]
    assert not silent


def test_every_command_and_option_is_told() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    silent = [called for called, _ in _commands(root) if called not in told]
    silent += [
        f"{called} {parameter.opts[0]}"
        for called, command in _commands(root)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not re.search(rf"{parameter.opts[0]}\b", told)
    ]
    assert not silent


def test_every_variable_of_the_environment_is_told() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    read = {
        variable
        for _, command in _commands(root)
        for parameter in command.params
        if isinstance(parameter.envvar, str)
        for variable in [parameter.envvar]
    }
    assert sorted(variable for variable in read if variable not in told) == []


def test_every_example_file_is_told_in_their_readme() -> None:
    told = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.yaml")]
    assert sorted(file for file in files if f"`{file}`" not in told) == []
