"""The generated sudoers file allows exactly the commands that it names: asked of visudo and of sudo itself."""

from __future__ import annotations

import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.cli.sudoers import sudoers
from secaudit.model.request import UNNAMEABLE, Command

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


def allowed(argv: tuple[str, ...]) -> bool:
    ran = subprocess.run(
        ["runuser", "-u", "nobody", "--", "sudo", "-n", "--", *argv], capture_output=True, check=False, text=True
    )
    return ran.returncode == 0
