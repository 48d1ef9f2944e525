"""The generated sudoers file allows exactly the commands that it names: asked of visudo and of sudo itself."""

from __future__ import annotations

import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from secaudit.checks.backup.expect import BorgRepository

from secaudit.cli.main import run
from secaudit.cli.sudoers import sudoers
from secaudit.model.request import UNNAMEABLE, Command
from secaudit.plugins import discover

ECHO = "/bin/echo"
ODD = "".join(character for character in string.punctuation if character not in UNNAMEABLE)


def test_the_file_of_a_baseline_is_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sudoers", "--baseline", "linux-server"]) == 0
    text = capsys.readouterr().out
    assert "audit ALL=(root) NOPASSWD: /usr/sbin/nft -j list ruleset\n" in text
    if shutil.which("visudo") is None:
        pytest.skip("visudo is not installed")
    (tmp_path / "sudoers").write_text(text)
    subprocess.run(["visudo", "-c", "-q", "-f", str(tmp_path / "sudoers")], check=True)


def test_a_command_without_arguments_gets_none() -> None:
    assert 'NOPASSWD: /bin/true ""\n' in sudoers("audit", [Command(("/bin/true",), root=True)], ["own 1"])


def test_a_baseline_that_needs_no_root_says_so() -> None:
    assert "need nothing to be run as root" in sudoers("audit", [], ["own 1"])


@pytest.fixture
def installed() -> Iterator[Path]:
    """A place in /etc/sudoers.d for rules of the user nobody."""
    path = Path("/etc/sudoers.d/secaudit-test-rules")
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.root
def test_sudo_runs_what_is_named_and_nothing_like_it(installed: Path) -> None:
    named = [Command((ECHO, f"x{character}y", "--", character), root=True) for character in ODD]
    installed.write_text(sudoers("nobody", named, ["own 1"]))
    installed.chmod(0o440)

    for command in named:
        assert allowed(command.argv), command.key
        assert not allowed((*command.argv, "more")), command.key
        assert not allowed((ECHO, "xzy", "--", "z")), command.key
    assert not allowed((ECHO,))


@pytest.mark.root
def test_sudo_takes_no_argument_for_a_pattern(installed: Path) -> None:
    for named, other in (("^x.*$", "xyz"), ("x[yz]*", "xyz"), ("[:alpha:]", "a"), ("x?", "xy"), ("!x", "y")):
        installed.write_text(sudoers("nobody", [Command((ECHO, named), root=True)], ["own 1"]))
        installed.chmod(0o440)
        assert allowed((ECHO, named)), named
        assert not allowed((ECHO, other)), named


@pytest.mark.root
def test_the_passphrase_of_borg_is_never_run(installed: Path, tmp_path: Path) -> None:
    """Whatever the words of the rules are joined or split to, a passphrase file that is a program does not start."""
    ran, secret = tmp_path / "ran", tmp_path / "passphrase"
    secret.write_text(f"#!/bin/sh\ntouch {ran}\n")
    secret.chmod(0o755)
    wanted = {
        "repository": str(tmp_path),
        "passphrase_file": str(secret),
        "max_age": "1d",
        "min_files": 1,
        "root": True,
    }
    vault = BorgRepository.model_validate(wanted)
    commands = [one for one in (vault.listing, vault.contents) if one is not None]
    installed.write_text(sudoers("nobody", commands, ["own 1"]))
    installed.chmod(0o440)
    for command in commands:
        assert allowed_by_list(command.argv), command.key
        words = " ".join(command.argv).split(" ")
        for cut in range(1, len(words)):
            allowed((*words[:cut], " ".join(words[cut:])))
            allowed((words[0], *words[1:cut], *words[cut:]))
    assert not ran.exists()


def allowed_by_list(argv: tuple[str, ...]) -> bool:
    """Whether sudo would run it, without running it."""
    asked = ["runuser", "-u", "nobody", "--", "sudo", "-n", "-l", "--", *argv]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/bin/env", "A=1", "/usr/bin/borg"),
        ("/usr/bin/",),
        ("/usr/bin/../bin/id",),
        ("//usr/bin/id",),
        ("/usr/bin/id", ""),
        ("/usr/bin/id", "a b"),
        ("/usr/bin/id", "a\tb"),
        ("/usr/bin/id", "a\rb"),
        ("/usr/bin/id", "a\u00a0b"),
        ("/usr/bin/id", "a\u202eb"),
        ("/usr/bin/id", 'a"b'),
        ("/usr/bin/id", "a\\b"),
    ],
)
def test_what_a_rule_cannot_name_exactly_is_no_root_command(argv: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="root command"):
        Command(argv, root=True)


def test_no_check_of_ours_declares_what_a_rule_cannot_name() -> None:
    registry = discover()
    assert registry.broken == {}


def allowed(argv: tuple[str, ...]) -> bool:
    ran = subprocess.run(
        ["runuser", "-u", "nobody", "--", "sudo", "-n", "--", *argv], capture_output=True, check=False, text=True
    )
    return ran.returncode == 0
