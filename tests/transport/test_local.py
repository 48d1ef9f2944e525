"""The framing on this machine's shells, one of them without anything but busybox."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from secaudit.model.answer import AnswerStatus
from secaudit.model.inventory import Host, TransportKind
from secaudit.model.request import MIB, Command, PortScan, Request
from secaudit.transport.interface import Session, TooMuch, Unreachable
from secaudit.transport.local import LocalTransport
from tests.transport.processes import PATIENCE, appears, vanishes
from tests.transport.torture import CASES, torture

HERE = Host("c", "s", "here", "localhost", TransportKind.LOCAL)


def opened(*shell: str) -> Session:
    return (LocalTransport(shell) if shell else LocalTransport()).open(HERE, time.monotonic() + PATIENCE)


@pytest.fixture
def session() -> Iterator[Session]:
    session = opened()
    yield session
    session.close()


@pytest.mark.parametrize("shell", [("dash", "-s"), ("bash", "--posix", "-s"), ("busybox", "sh", "-s")], ids=" ".join)
def test_nothing_breaks_the_framing(shell: tuple[str, ...], quick: None) -> None:
    program = shutil.which(shell[0])
    if program is None:
        pytest.skip(f"there is no {shell[0]} here")
    session = opened(program, *shell[1:])
    torture(session)
    session.close()


@pytest.mark.root
@pytest.mark.parametrize("without", [(), ("timeout", "base64"), ("timeout", "setsid")], ids=str)
def test_a_host_that_has_busybox_only(without: tuple[str, ...], needs_root: None, quick: None, tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no busybox here")
    root = tmp_path / "root"
    listed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout.split()
    for file in (busybox, *(word for word in listed if word.startswith("/"))):
        (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / file[1:])
    (root / "bin").mkdir(exist_ok=True)
    for applet in {"sh", "cat", "head", "tr", "id", "od", "sleep", "yes", "base64", "timeout", "setsid"} - set(without):
        (root / "bin" / applet).symlink_to(busybox)
    (root / "dev").mkdir()
    for device, minor in (("null", 3), ("zero", 5)):
        os.mknod(root / "dev" / device, 0o020666, os.makedev(1, minor))
    session = opened("/usr/sbin/chroot", str(root), "/bin/sh", "-s")
    # Without timeout and setsid a child that holds the output open cannot be told from the batch itself.
    torture(session, [case for case in CASES if "setsid" not in without or not case.name.startswith("a child holds")])
    session.close()


@pytest.mark.root
def test_a_host_without_an_encoder(needs_root: None, tmp_path: Path) -> None:
    shell = tmp_path / "sh"
    shell.write_text("#!/bin/sh\nsed 's/^PATH=.*;/PATH=/' | exec dash -s\n")
    shell.chmod(0o755)
    (answer,) = opened(str(shell)).ask([Command(("/bin/true",))], time.monotonic() + PATIENCE)
    assert (answer.status, answer.detail) == (
        AnswerStatus.LOST,
        "the host's answer is damaged: there is neither base64 nor od on the host",
    )


def test_output_that_a_runaway_holds_open(session: Session, quick: None) -> None:
    runaway = Command(("sh", "-c", "setsid sleep 3 & head -c 90000 /dev/zero"))
    first, second = session.ask([runaway, Command(("echo", "next"))], time.monotonic() + 30)
    assert (first.status, first.exit) == (AnswerStatus.TIMEOUT, 0)
    assert "keeps its output open" in first.detail
    assert first.stdout == bytes(len(first.stdout))
    assert len(first.stdout) > 30_000, "what was read is kept"
    assert (second.status, second.stdout) == (AnswerStatus.ENDED, b"next\n")


def test_a_command_that_kills_the_shell(session: Session, quick: None) -> None:
    assassin = Command(("sh", "-c", "kill -KILL -$(ps -o sid= -p $$ | tr -d ' ')"))
    answers = list(session.ask([assassin, Command(("echo", "next"))], time.monotonic() + 20))
    assert answers[0].status is AnswerStatus.LOST
    assert (answers[1].status, answers[1].stdout) == (AnswerStatus.ENDED, b"next\n")


def test_a_shell_that_greets_first(tmp_path: Path) -> None:
    shell = tmp_path / "greeter"
    shell.write_text("#!/bin/sh\nhead -c 100000 /dev/urandom; echo ':done:'; exec sh -s\n")
    shell.chmod(0o755)
    session = opened(str(shell))
    (answer,) = session.ask([Command(("echo", "hi"))], time.monotonic() + 10)
    assert (answer.status, answer.stdout) == (AnswerStatus.ENDED, b"hi\n")
    session.close()


@pytest.mark.parametrize("program", ["true", "cat"])
def test_a_shell_that_is_none(program: str) -> None:
    session = opened(shutil.which(program) or program)
    answers = list(session.ask([Command(("echo", "hi"))] * 2, time.monotonic() + PATIENCE))
    assert [answer.status for answer in answers] == [AnswerStatus.LOST] * 2
    assert answers[0].detail == "the host's shell ended before its commands did"


def test_the_deadline_ends_everything(session: Session) -> None:
    sleeper = Command(("sleep", "987"))
    begun = time.monotonic()
    answers = list(session.ask([Command(("echo", "hi")), sleeper, Command(("id",))], begun + 2))
    assert time.monotonic() - begun < PATIENCE
    assert [answer.status for answer in answers] == [AnswerStatus.ENDED, AnswerStatus.TIMEOUT, AnswerStatus.TIMEOUT]
    assert appears("987"), "it is still there, for close to kill"
    session.close()
    assert vanishes("987")
    assert [answer.status for answer in session.ask([sleeper], begun)] == [AnswerStatus.TIMEOUT]


def test_close_kills_what_commands_left(session: Session) -> None:
    list(session.ask([Command(("sh", "-c", "sleep 986 >/dev/null 2>&1 &"))], time.monotonic() + PATIENCE))
    assert appears("986")
    session.close()
    assert vanishes("986")


def test_the_environment_is_the_same_everywhere(session: Session) -> None:
    script = 'echo "$PATH $LC_ALL $TZ $(pwd)"'
    (answer,) = session.ask([Command(("sh", "-c", script))], time.monotonic() + PATIENCE)
    assert answer.text == "/usr/sbin:/usr/bin:/sbin:/bin C UTC /\n"


def test_no_command_sees_what_our_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", "hunter2")
    session = opened()
    (answer,) = session.ask([Command(("env",))], time.monotonic() + PATIENCE)
    session.close()
    assert "HOME=" in answer.text
    assert "hunter2" not in answer.text


def test_missing_and_forbidden_programs(session: Session) -> None:
    commands = [Command(("no-such-program",)), Command(("/no/such",)), Command(("/etc/passwd",)), Command(("/tmp",))]
    answers = list(session.ask(commands, time.monotonic() + PATIENCE))
    expected = [AnswerStatus.MISSING, AnswerStatus.MISSING, AnswerStatus.DENIED, AnswerStatus.DENIED]
    assert [answer.status for answer in answers] == expected


def test_a_big_batch(session: Session) -> None:
    commands = [Command(("echo", "x" * 1000, str(number))) for number in range(200)]
    answers = list(session.ask(commands, time.monotonic() + 30))
    assert [answer.text.split()[1] for answer in answers] == [str(number) for number in range(200)]


def test_times_are_the_scanners(session: Session) -> None:
    (answer,) = session.ask([Command(("sleep", "0.3"))], time.monotonic() + PATIENCE)
    assert timedelta(seconds=0.25) < answer.duration < timedelta(seconds=PATIENCE)
    assert answer.started.utcoffset() == timedelta()


def test_a_port_scan_is_not_for_a_session(session: Session) -> None:
    with pytest.raises(TypeError, match="commands only"):
        session.ask([PortScan()], time.monotonic() + PATIENCE)


def test_no_shell() -> None:
    with pytest.raises(Unreachable, match="cannot be executed"):
        opened("/no/such/shell")


def test_a_host_that_floods_is_stopped_while_it_sends(session: Session) -> None:
    came = 0

    def received(size: int) -> None:
        nonlocal came
        came += size
        if came > 3 * MIB:
            raise TooMuch("it sent too much")

    commands = [Command(("head", "-c", "1000000", "/dev/urandom"), limit=8 * MIB) for _ in range(6)]
    begun: list[Request] = []
    answers = list(session.ask(commands, time.monotonic() + PATIENCE, begun.append, received))
    assert [answer.status for answer in answers] == [*[AnswerStatus.ENDED] * 2, *[AnswerStatus.LIMIT] * 4]
    assert {answer.detail for answer in answers[2:]} == {"it sent too much"}
    assert sum(len(answer.stdout) for answer in answers[2:]) == 0
    assert came < 5 * MIB, "it ends at once, not after the command"
    assert len(begun) == 3, "what was not begun is not begun any more"
