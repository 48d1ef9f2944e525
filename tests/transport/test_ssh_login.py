"""Logging in: host keys, keys, agent, passwords, jump hosts, and what is said when it fails."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from secaudit.model.answer import AnswerStatus
from secaudit.model.inventory import Host, SecretKind, SecretSource
from secaudit.model.request import Command
from secaudit.transport.interface import Unreachable
from secaudit.transport.ssh import SshTransport
from secaudit.transport.trust import KeyNotPinned, fetch_host_key, pin
from tests.transport.sshd import Account, RealSshd, make_key
from tests.transport.test_ssh import host_of, opened

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_thread_left")]


def who(host: Host) -> str:
    """Log in and ask for the user's name."""
    session = opened(host)
    try:
        (answer,) = session.ask([Command(("id", "-un"))], time.monotonic() + 10)
        return answer.text.strip()
    finally:
        session.close()


def refusal(host: Host) -> str:
    with pytest.raises(Unreachable) as raised:
        opened(host)
    return str(raised.value)


@pytest.fixture
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys and without an agent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    return tmp_path / ".ssh"


def test_a_key_file(sshd: RealSshd, auditor: Account) -> None:
    assert who(host_of(sshd, auditor)) == auditor.name


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_other_kinds_of_keys(kind: str, sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    key = make_key(tmp_path / kind, kind)
    authorized = auditor.home / ".ssh" / "authorized_keys"
    before = authorized.read_text()
    authorized.write_text(before + Path(f"{key}.pub").read_text())
    try:
        assert who(host_of(sshd, auditor, identity_files=(str(key),))) == auditor.name
    finally:
        authorized.write_text(before)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_one_known_key_of_several_is_enough(kind: str, sshd: RealSshd, auditor: Account) -> None:
    host = host_of(sshd, auditor)
    (sshd.directory / "known_hosts").write_text(sshd.known_line(kind))
    assert who(host) == auditor.name


def test_a_hashed_known_host(sshd: RealSshd, auditor: Account) -> None:
    host = host_of(sshd, auditor)
    file = str(sshd.directory / "known_hosts")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert who(host) == auditor.name


def test_an_unknown_host_key(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    message = refusal(host_of(sshd, auditor, known_hosts=str(tmp_path / "absent")))
    shown = subprocess.run(
        ["ssh-keygen", "-lf", f"{sshd.directory}/host_ed25519.pub"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert "is unknown" in message
    assert shown in message
    assert "secaudit inventory trust" in message


def test_a_changed_host_key(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    message = refusal(host_of(sshd, auditor, known_hosts=str(known)))
    assert "CHANGED" in message
    assert message.count("SHA256:") == 2
    assert f"{known}:1" in message
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}'" in message


def test_a_revoked_host_key(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_line() + "@revoked " + sshd.known_line(name="*"))
    assert "is revoked at" in refusal(host_of(sshd, auditor, known_hosts=str(known)))


def test_known_hosts_that_cannot_be_read(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in refusal(host_of(sshd, auditor, known_hosts=str(tmp_path)))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_text("no key\n"), "holds no private key"),
        (lambda path: path.write_bytes(b"\xff\0\xfe"), "holds no private key"),
        (lambda path: make_key(path, passphrase="secret"), "is encrypted: add it to the ssh-agent"),
    ],
    ids=["absent", "directory", "text", "binary", "encrypted"],
)
def test_an_identity_file_that_is_no_use(
    make: object, reason: str, sshd: RealSshd, auditor: Account, tmp_path: Path, no_keys: Path
) -> None:
    path = tmp_path / "identity"
    assert callable(make)
    make(path)
    message = refusal(host_of(sshd, auditor, identity_files=(str(path),)))
    assert f"the identity file {path} {reason}" in message
    assert f"as {auditor.name}" in message


def test_a_key_that_may_not_log_in(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    assert f"tried {key}" in refusal(host_of(sshd, auditor, identity_files=(str(key),)))


def test_nothing_to_try(sshd: RealSshd, auditor: Account, no_keys: Path) -> None:
    assert "there is no key and no password to try" in refusal(host_of(sshd, auditor, identity_files=()))


def test_the_default_key(sshd: RealSshd, auditor: Account, no_keys: Path) -> None:
    (no_keys / "id_ed25519").write_bytes(auditor.identity.read_bytes())
    assert who(host_of(sshd, auditor, identity_files=())) == auditor.name


def test_a_password(sshd: RealSshd, auditor: Account, no_keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SecretSource(SecretKind.ENV, "LOGIN_SECRET")
    host = host_of(sshd, auditor, identity_files=(), password=source)
    assert "LOGIN_SECRET is not set" in refusal(host)
    monkeypatch.setenv("LOGIN_SECRET", auditor.password)
    assert who(host) == auditor.name
    monkeypatch.setenv("LOGIN_SECRET", "a-wrong-one")
    message = refusal(host)
    assert "tried password" in message
    assert "a-wrong-one" not in message


@pytest.fixture
def agent(auditor: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ssh-agent that holds the auditor's key."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        auditor.identity.chmod(0o600)
        subprocess.run(["ssh-add", str(auditor.identity)], check=True, capture_output=True)
        yield
    finally:
        process.kill()
        process.wait()


def test_an_agent(sshd: RealSshd, auditor: Account, no_keys: Path, agent: None) -> None:
    assert who(host_of(sshd, auditor, identity_files=(), use_agent=True)) == auditor.name
    assert "no key" in refusal(host_of(sshd, auditor, identity_files=(), use_agent=False))


def test_an_encrypted_key_that_the_agent_holds(
    sshd: RealSshd, auditor: Account, no_keys: Path, agent: None, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(auditor.identity.read_bytes())
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked)], check=True, capture_output=True)
    (tmp_path / "locked.pub").write_bytes(Path(f"{auditor.identity}.pub").read_bytes())
    (no_keys / "config").write_text("Host *\n  IdentitiesOnly yes\n")
    host = host_of(sshd, auditor, identity_files=(str(locked),), use_agent=True, use_config=True)
    assert who(host) == auditor.name
    # Without the public half nobody can tell that the agent has it, and no other key may be offered.
    (tmp_path / "locked.pub").unlink()
    assert "is encrypted" in refusal(host)


def test_an_agent_that_is_gone(
    sshd: RealSshd, auditor: Account, no_keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert who(host_of(sshd, auditor, use_agent=True)) == auditor.name


def test_an_alias_of_the_configuration(sshd: RealSshd, auditor: Account, no_keys: Path) -> None:
    (no_keys / "known_hosts").write_text(sshd.known_line())
    (no_keys / "config").write_text(
        f"Host web1\n HostName 127.0.0.1\n Port {sshd.port}\n User {auditor.name}\n IdentityFile {auditor.identity}\n"
    )
    assert who(Host("c", "s", "web1", "web1")) == auditor.name


def test_jump_hosts(sshd: RealSshd, auditor: Account, server_directory: Path) -> None:
    with RealSshd(server_directory / "inner") as inner:
        jump = f"{auditor.name}@127.0.0.1:{sshd.port}"
        host = host_of(inner, auditor, jump=(jump, jump))
        (inner.directory / "known_hosts").write_text(inner.known_line() + sshd.known_line())
        assert who(host) == auditor.name
        assert fetch_host_key(host).line + "\n" == inner.known_line()
        (inner.directory / "known_hosts").write_text(inner.known_line())
        message = refusal(host)
    assert "is unknown" in message
    assert f"127.0.0.1 port {sshd.port}" in message, "the key of the jump host is checked, too"


def test_a_host_and_its_jump_host_that_are_lost_together(
    sshd: RealSshd, auditor: Account, server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The goodbye through the jump host cannot be sent any more; no thread ends with an error because of that."""
    broken: list[threading.Thread] = []
    close = paramiko.Channel.close

    def breaking(channel: paramiko.Channel) -> None:
        was_open = not channel.closed
        close(channel)
        if was_open:
            broken.append(threading.current_thread())
            raise EOFError

    with RealSshd(server_directory / "behind") as inner:
        host = host_of(inner, auditor, jump=(f"{auditor.name}@127.0.0.1:{sshd.port}",))
        (inner.directory / "known_hosts").write_text(inner.known_line() + sshd.known_line())
        session = opened(host)
        monkeypatch.setattr(paramiko.Channel, "close", breaking)
    try:
        (answer,) = session.ask([Command(("id", "-un"))], time.monotonic() + 10)
    finally:
        session.close()
    assert answer.status is AnswerStatus.LOST
    assert any(isinstance(thread, paramiko.Transport) for thread in broken)


def test_a_host_behind_a_jump_host_that_is_down(sshd: RealSshd, auditor: Account) -> None:
    host = host_of(sshd, auditor, jump=(f"{auditor.name}@127.0.0.1:{sshd.port}",), port=1)
    assert refusal(host) == "127.0.0.1 port 1 cannot be reached through the jump host: it refused to connect there"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_host_that_accepts_but_never_speaks(sshd: RealSshd, auditor: Account, listener: socket.socket) -> None:
    host = host_of(sshd, auditor, port=listener.getsockname()[1])
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="accepted the connection but did not answer in time"):
        SshTransport(connect_limit=0.5).open(host, begun + 20)
    with pytest.raises(Unreachable, match="did not answer in time"):
        SshTransport().open(host, time.monotonic() + 0.5)
    assert time.monotonic() - begun < 15


def test_a_host_that_speaks_something_else(sshd: RealSshd, auditor: Account, listener: socket.socket) -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        connection.sendall(b"HTTP/1.0 400 \x1b[31mBad Request\r\n" * 300)
        connection.close()

    server = threading.Thread(target=answer)
    server.start()
    message = refusal(host_of(sshd, auditor, port=listener.getsockname()[1]))
    server.join()
    assert "does not speak SSH with us" in message
    assert "\x1b" not in message


def test_hosts_that_are_not_there(sshd: RealSshd, auditor: Account, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert refusal(host_of(sshd, auditor, port=port)) == f"127.0.0.1 port {port}: Connection refused"
    nowhere = Host("c", "s", "h", "no-such-host.invalid", ssh=host_of(sshd, auditor).ssh)
    assert refusal(nowhere).endswith("the name cannot be resolved")


def test_a_name_with_an_address_where_nobody_listens(
    sshd: RealSshd, auditor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda _, port, **options: resolve("127.0.0.9", port, **options) + resolve("127.0.0.1", port, **options),
    )
    host = host_of(sshd, auditor)
    (sshd.directory / "known_hosts").write_text(sshd.known_line(name=f"[web1]:{sshd.port}"))
    assert who(Host("c", "s", "h", "web1", ssh=host.ssh)) == auditor.name


def test_a_deadline_that_has_passed(sshd: RealSshd, auditor: Account) -> None:
    with pytest.raises(Unreachable, match="did not answer in time"):
        SshTransport().open(host_of(sshd, auditor), time.monotonic() - 1)


def test_paramiko_is_quiet(
    sshd: RealSshd, auditor: Account, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        who(host_of(sshd, auditor))
        refusal(host_of(sshd, auditor, known_hosts=os.devnull))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_trust(sshd: RealSshd, auditor: Account, tmp_path: Path, no_keys: Path) -> None:
    known = tmp_path / "new" / "known_hosts"
    host = host_of(sshd, auditor, known_hosts=str(known))
    key = fetch_host_key(host)
    assert key.line + "\n" == sshd.known_line()
    assert key.fingerprint in refusal(host), "looking at the key pins nothing"
    assert pin(host, key) == known
    assert pin(host, key) == known
    assert known.read_text() == sshd.known_line(), "pinned once"
    assert known.stat().st_mode & 0o777 == 0o600
    assert who(host) == auditor.name


def test_trust_never_replaces_a_key(sshd: RealSshd, auditor: Account, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    host = host_of(sshd, auditor, known_hosts=str(known))
    key = fetch_host_key(host)
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text()
    known.write_text(f"{key.name} {other}")
    with pytest.raises(KeyNotPinned, match="another ssh-ed25519 key"):
        pin(host, key)
    known.write_text(f"@revoked * {key.type} {key.base64}")
    with pytest.raises(KeyNotPinned, match="is revoked"):
        pin(host, key)
    known.write_text("other ssh-ed25519 AAAA")
    pin(host, key)
    assert known.read_text() == f"other ssh-ed25519 AAAA\n{key.line}\n", "an open last line is closed first"
    with pytest.raises(KeyNotPinned, match="Is a directory"):
        pin(host, key, tmp_path)
