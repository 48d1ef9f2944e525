"""The root command: quick help, close guesses, and a sentence instead of a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from types import SimpleNamespace

import click
import pytest

from secaudit.cli.main import COMMANDS, GROUP, MOUNTED, run
from secaudit.cli.main import command as root

HEAVY = {"paramiko", "sqlalchemy", "alembic", "pydantic", "textual", "jinja2", "rich", "yaml", "nmap", "cryptography"}


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, json\nfrom secaudit.cli.main import run\ncode = run(['--help'])\n"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, modules = json.loads(ran.stderr)

    assert code == 0
    assert not HEAVY & set(modules)
    assert "secaudit.checks" not in modules
    assert all(name in ran.stdout for name in (*COMMANDS, *MOUNTED))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says(name: str) -> None:
    command = import_module(f"secaudit.cli.{COMMANDS[name].module}").command

    assert isinstance(command, click.Command)
    assert command.help
    first = command.help.strip().splitlines()[0]
    assert first.split()[0].rstrip(".,:") == COMMANDS[name].help.split()[0].rstrip(".,:"), "the same verb"


@pytest.mark.parametrize("name", MOUNTED)
def test_the_list_of_commands_says_what_a_mounted_command_says(name: str) -> None:
    (entry,) = entry_points(group=GROUP, name=name)
    command = entry.load()

    assert isinstance(command, click.Command)
    assert (command.help or "").strip().splitlines()[0].split()[0].rstrip(",") == MOUNTED[name].split()[0].rstrip(",")


def test_lists_of_commands_tell_whole_sentences_on_80_columns() -> None:
    def cut(group: click.Group, path: str) -> Iterator[str]:
        context = click.Context(group)
        names = group.list_commands(context)
        room = 80 - 6 - max(map(len, names))
        for name in names:
            command = group.get_command(context, name)
            assert command is not None
            # The root command has lines of its own, which wrap.
            if path and command.get_short_help_str(room).endswith("..."):
                yield f"{path} {name}"
            if isinstance(command, click.Group):
                yield from cut(command, f"{path} {name}")

    assert list(cut(root, "")) == []


def test_a_plugin_may_bring_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def tide() -> int:
        """Tell the tide."""
        click.echo("high")
        return 0

    entries = {"tide": lambda: tide, "broken": lambda: 1 / 0, "liar": lambda: "no command"}

    def found(group: str, name: str) -> list[SimpleNamespace]:
        assert group == GROUP
        return [SimpleNamespace(load=entries[name])] if name in entries else []

    monkeypatch.setattr("importlib.metadata.entry_points", found)
    assert run(["tide"]) == 0
    assert capsys.readouterr().out == "high\n"
    assert run(["broken"]) == 2
    assert "could not be loaded: ZeroDivisionError" in capsys.readouterr().err
    assert run(["liar"]) == 4
    assert "is not a click command" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*COMMANDS, *MOUNTED])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert "Usage: secaudit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scna"], "Did you mean 'scan'?"),
        (["scan", "--nonsense"], "No such option"),
        (["scan"], "nothing to scan"),
        (["scan", "ftp://host"], "is not a target"),
        (["scan", "ssh://user:secret@host"], "a password does not belong in a target"),
        (["scan", "local", "--inventory", "x"], "not both"),
        (["scan", "local", "--format", "html,pdf"], "no such format: pdf"),
        (["scan", "local", "--format", "html,json"], "needs --out"),
        (["scan", "local", "--at", "yesterday"], "is not a time"),
        (["scan", "local", "--at", "2026-01-01T00:00:00"], "has no time zone"),
        (["scan", "replay:nowhere"], "nowhere"),
        (["scan", "local", "--baseline", "no-such-baseline"], "no-such-baseline"),
        (["gate", "missing.json"], "cannot read missing.json"),
        (["checks", "show", "network.open-port"], "did you mean 'network.open-ports'?"),
        (["sudoers"], "name a baseline"),
        (["sudoers", "--baseline", "base", "--user", "a b"], "is not a user name"),
        (["schedule", "list", "--schedules", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage_is_a_sentence_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECAUDIT_INVENTORY", raising=False)

    assert run(arguments) == 2

    captured = capsys.readouterr()
    assert message in captured.err
    assert "secret" not in captured.err
    assert "Traceback" not in captured.err


def test_a_defect_of_ours_is_exit_4(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(group: str) -> object:
        raise ZeroDivisionError("boom\x1b[2J")

    monkeypatch.setattr("secaudit.plugins.entry_points", broken)

    assert run(["checks", "list"]) == 4
    assert "ZeroDivisionError: boom\\x1b[2J" in capsys.readouterr().err
