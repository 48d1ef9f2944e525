"""Quoting, and what the script asks the host's shell to run."""

from __future__ import annotations

import shlex
import subprocess
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from secaudit.model.request import Command
from secaudit.transport.batch import batch_script, command_line, kill_script, quote, seconds

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(words, min_size=1))
def test_a_command_line_reads_back_as_its_argv(argv: list[str]) -> None:
    assert shlex.split(command_line(argv)) == argv


def test_a_real_shell_reads_hostile_arguments_back() -> None:
    hostile = ["", "'", "''", "a b", "$(id)", "`id`", "$HOME", "\\", "\\'", "!", "*", "~", "-n", "é\n\t", "'; id; '"]
    line = f"printf '%s\\0' {command_line(hostile)}"
    done = subprocess.run(["sh"], input=line.encode(), capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == hostile


def test_quote_leaves_nothing_outside_of_quotes() -> None:
    assert quote("it's") == "'it'\\''s'"


def test_time_limits_are_whole_seconds_and_never_none() -> None:
    limits = {0.0: "1", 0.2: "1", 1.0: "1", 1.1: "2", 90.0: "90"}
    for given_, expected in limits.items():
        assert seconds(Command(("x",), timeout=timedelta(seconds=given_))) == expected


def test_root_commands_go_through_sudo_and_others_do_not() -> None:
    commands = [Command(("/bin/a", "x;y"), root=True, limit=9), Command(("b",), timeout=timedelta(seconds=7))]
    script = batch_script(commands, "nonce").decode()
    assert "\nrun 0 10 30 $sudo '/bin/a' 'x;y'\n" in script
    assert "\nrun 1 4194305 7 'b'\n" in script


def test_a_process_that_has_ended_is_not_killed_by_its_number() -> None:
    assert kill_script(42, ended=True) == b"kill -s KILL -- -42\n"
    assert kill_script(42, ended=False) == b"kill -s KILL -- -42 || kill -s KILL 42\n"
