"""A real sshd: the framing, root commands, lost connections, hosts that hang."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secaudit.model.answer import AnswerStatus
from secaudit.model.inventory import Host, SecretKind, SecretSource, SshSettings
from secaudit.model.request import Command
from secaudit.transport.interface import TooMuch
from secaudit.transport.ssh import SshSession, SshTransport
from tests.transport.processes import PATIENCE, vanishes
from tests.transport.sshd import Account, RealSshd, account, sudoers
from tests.transport.torture import torture

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_thread_left")]

ENDED, DENIED, LOST = AnswerStatus.ENDED, AnswerStatus.DENIED, AnswerStatus.LOST
MISSING, TIMEOUT = AnswerStatus.MISSING, AnswerStatus.TIMEOUT

ID = Command(("/usr/bin/id", "-un"), root=True)


def host_of(server: RealSshd, user: Account, **settings: object) -> Host:
    """The server as a host that the user may log in to by key."""
    known = server.directory / "known_hosts"
    known.write_text(server.known_line())
    ssh = SshSettings(
        user=user.name,
        port=server.port,
        identity_files=(str(user.identity),),
        known_hosts=str(known),
        use_agent=False,
        use_config=False,
    )
    return Host("c", "s", "h", "127.0.0.1", ssh=replace(ssh, **settings))  # type: ignore[arg-type]  # any setting


def opened(host: Host) -> SshSession:
    return SshTransport().open(host, time.monotonic() + 20)


@pytest.fixture
def session(sshd: RealSshd, auditor: Account) -> Iterator[SshSession]:
    session = opened(host_of(sshd, auditor))
    yield session
    session.close()


@pytest.fixture
def own(server_directory: Path) -> Iterator[RealSshd]:
    """An sshd that the test may harm."""
    with RealSshd(server_directory / f"own-{time.monotonic_ns()}") as server:
        yield server


def test_nothing_breaks_the_framing(session: SshSession, quick: None) -> None:
    torture(session)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash"])
def test_rc_files_that_print(shell: str, sshd: RealSshd, server_directory: Path) -> None:
    with account(server_directory, shell) as user:
        (user.home / ".bashrc").write_text("echo welcome; echo ':done:'; head -c 3000 /dev/urandom; echo oops >&2\n")
        (user.home / ".ssh" / "rc").write_text("echo rc\n")
        session = opened(host_of(sshd, user))
        (answer,) = session.ask([Command(("echo", "hi"))], time.monotonic() + 10)
        session.close()
    assert (answer.status, answer.stdout, answer.stderr) == (ENDED, b"hi\n", b"")


def test_an_account_without_a_shell(sshd: RealSshd, server_directory: Path) -> None:
    with account(server_directory, "/usr/sbin/nologin") as user:
        session = opened(host_of(sshd, user))
        answers = list(session.ask([Command(("id",)), Command(("date",))], time.monotonic() + 10))
        session.close()
    assert [answer.status for answer in answers] == [LOST, LOST]
    assert answers[0].detail == "the host's shell ended before its commands did"


def test_root_commands_by_rule(session: SshSession, auditor: Account) -> None:
    commands = [
        ID,
        Command(("/usr/bin/id",), root=True),
        Command(("/usr/bin/no-such-tool",), root=True),
        Command(("/usr/bin/id", "-un")),
        Command(("/usr/bin/sleep", "985"), root=True, timeout=timedelta(seconds=1)),
    ]
    rules = "/usr/bin/id -un, /usr/bin/no-such-tool, /usr/bin/sleep 985"
    with sudoers(auditor.name, f"ALL=(root) NOPASSWD: {rules}"):
        answers = list(session.ask(commands, time.monotonic() + 30))
    assert [answer.status for answer in answers] == [ENDED, DENIED, MISSING, ENDED, TIMEOUT]
    assert [answer.text for answer in answers[:4:3]] == ["root\n", f"{auditor.name}\n"]
    assert answers[1].detail == "sudo refused it"
    assert vanishes("985")


def test_root_commands_without_any_rule(session: SshSession) -> None:
    (answer,) = session.ask([ID], time.monotonic() + 10)
    assert (answer.status, answer.stdout) == (DENIED, b"")


@pytest.fixture
def with_password(sshd: RealSshd, auditor: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshSession]:
    """A session that knows the sudo password."""
    monkeypatch.setenv("SUDO_SECRET", auditor.password)
    session = opened(host_of(sshd, auditor, sudo_password=SecretSource(SecretKind.ENV, "SUDO_SECRET")))
    yield session
    session.close()


def root_shell(script: str, **limits: object) -> Command:
    words = script.replace(" ", "${IFS}")  # no argument of a root command holds a blank
    return Command(("/bin/sh", "-c", words), root=True, **limits)  # type: ignore[arg-type]  # any limit


def test_a_sudo_password(with_password: SshSession, auditor: Account, quick: None) -> None:
    commands = [
        Command(("id", "-un")),
        ID,
        root_shell("echo out; echo err >&2; exit 7"),
        root_shell("cat; echo $PATH $LC_ALL $TZ $(pwd)"),
        root_shell("head -c 1000000 /dev/zero", limit=1000),
        root_shell("echo begun; exec sleep 984", timeout=timedelta(seconds=1)),
        root_shell("sleep 3 & echo early"),
        root_shell("yes e | head -n 50000 >&2; echo answer"),
        Command(("/usr/bin/no-such-tool",), root=True),
        Command(("echo", "last")),
    ]
    begun: list[object] = []
    with sudoers(auditor.name, "ALL=(root) PASSWD: ALL"):
        answers = list(with_password.ask(commands, time.monotonic() + 60, begun.append))
    assert [answer.request for answer in answers] == commands
    assert sorted(map(repr, begun)) == sorted(map(repr, commands))
    assert [answer.status for answer in answers] == [*[ENDED] * 5, TIMEOUT, ENDED, ENDED, MISSING, ENDED]
    assert [answer.stdout for answer in answers[:3]] == [f"{auditor.name}\n".encode(), b"root\n", b"out\n"]
    assert (answers[2].exit, answers[2].stderr) == (7, b"err\n")
    assert answers[3].text.endswith("C UTC /\n")
    assert auditor.password not in answers[3].text, "the command must not read the password"
    assert (answers[4].stdout, answers[4].truncated, answers[4].exit) == (bytes(1000), True, None)
    assert (answers[5].stdout, answers[5].exit) == (b"begun\n", None)
    assert vanishes("984")
    assert answers[6].stdout == b"early\n"
    assert (len(answers[7].stderr), answers[7].stdout) == (65536, b"answer\n")


def test_a_flood_behind_a_sudo_password(with_password: SshSession, auditor: Account) -> None:
    came = 0

    def received(size: int) -> None:
        nonlocal came
        came += size
        if came > 1_500_000:
            raise TooMuch("it sent too much")

    flood = root_shell("head -c 1000000 /dev/zero")
    with sudoers(auditor.name, "ALL=(root) PASSWD: ALL"):
        commands = [flood, flood, ID, Command(("id", "-un"))]
        answers = list(with_password.ask(commands, time.monotonic() + 60, None, received))
    assert [answer.status for answer in answers] == [ENDED, AnswerStatus.LIMIT, AnswerStatus.LIMIT, ENDED]
    assert (answers[1].stdout, answers[1].detail) == (b"", "it sent too much")


def test_a_sudo_password_that_is_not_asked_for(with_password: SshSession, auditor: Account) -> None:
    with sudoers(auditor.name, "ALL=(root) NOPASSWD: ALL"):
        (answer,) = with_password.ask(
            [root_shell("cat; echo done", timeout=timedelta(seconds=1))], time.monotonic() + 9
        )
    assert answer.status is TIMEOUT, "cat waits for an input that never comes"
    assert auditor.password.encode() not in answer.stdout


def test_a_wrong_sudo_password_is_tried_once(
    with_password: SshSession, auditor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_SECRET", "wrong")
    with sudoers(auditor.name, "ALL=(root) PASSWD: ALL"):
        first, second, third = with_password.ask([ID, ID, Command(("id", "-un"))], time.monotonic() + 30)
    assert (first.status, first.detail) == (DENIED, "sudo did not accept the password")
    assert (second.status, second.detail) == (DENIED, "sudo did not accept the password; it was not tried again")
    assert third.status is ENDED
    assert b"wrong" not in first.stdout + first.stderr


def test_a_sudo_password_that_cannot_be_read(with_password: SshSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_SECRET")
    (answer,) = with_password.ask([ID], time.monotonic() + 10)
    assert (answer.status, answer.detail) == (DENIED, "the environment variable SUDO_SECRET is not set")


def test_a_password_where_no_rule_is(with_password: SshSession) -> None:
    (answer,) = with_password.ask([ID], time.monotonic() + 20)
    assert (answer.status, answer.detail) == (DENIED, "sudo refused it")


def test_a_connection_that_is_cut(own: RealSshd, auditor: Account) -> None:
    session = opened(host_of(own, auditor))
    commands = [Command(("echo", "one")), Command(("sh", "-c", "echo two; sleep 20")), Command(("echo", "three"))]
    answers = session.ask(commands, time.monotonic() + 30)
    assert next(answers).stdout == b"one\n"
    own.stop()
    begun = time.monotonic()
    rest = list(answers)
    assert time.monotonic() - begun < PATIENCE
    assert [answer.status for answer in rest] == [LOST, LOST]
    assert rest[0].detail == "the connection was lost"
    session.close()


def test_a_host_that_freezes(own: RealSshd, auditor: Account, quick: None) -> None:
    session = opened(host_of(own, auditor))
    sleeper = Command(("sleep", "5"), timeout=timedelta(seconds=1))
    commands = [Command(("echo", "one")), sleeper, Command(("id",))]

    def freeze(request: object) -> None:
        if request is sleeper:
            own.signal(signal.SIGSTOP)

    begun = time.monotonic()
    answers = list(session.ask(commands, begun + 30, freeze))
    assert time.monotonic() - begun < PATIENCE
    assert [answer.status for answer in answers] == [ENDED, TIMEOUT, LOST]
    begun = time.monotonic()
    session.close()
    assert time.monotonic() - begun < PATIENCE


def test_a_frozen_host_does_not_outlast_the_deadline(own: RealSshd, auditor: Account) -> None:
    session = opened(host_of(own, auditor))
    own.signal(signal.SIGSTOP)
    begun = time.monotonic()
    answers = list(session.ask([Command(("id",)), Command(("date",))], begun + 1))
    session.close()
    assert time.monotonic() - begun < PATIENCE
    assert [answer.status for answer in answers] == [TIMEOUT, TIMEOUT]


def test_a_server_that_allows_one_channel_at_a_time(server_directory: Path, auditor: Account, quick: None) -> None:
    with RealSshd(server_directory / "narrow", ["MaxSessions 1"]) as server:
        session = opened(host_of(server, auditor))
        hang = Command(("sh", "-c", "trap '' TERM; sleep 3 & echo early"))
        first, second = session.ask([hang, Command(("echo", "next"))], time.monotonic() + 20)
        session.close()
    # There is no side channel to kill the child from, and no new one while it lives.
    assert (first.status, second.status) == (TIMEOUT, LOST)
    assert second.detail == "the server refused another channel"


def test_many_hosts_at_once_leave_no_thread(sshd: RealSshd, auditor: Account) -> None:
    host, transport = host_of(sshd, auditor), SshTransport()

    def scan(_: int) -> bytes:
        session = transport.open(host, time.monotonic() + 30)
        try:
            (answer,) = session.ask([Command(("echo", "x"))], time.monotonic() + 30)
            return answer.stdout
        finally:
            session.close()

    before = threading.active_count()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(scan, range(16))) == {b"x\n"}
    end = time.monotonic() + PATIENCE
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1
