"""Settings over ~/.ssh/config, jump hosts, and configurations that cannot be followed."""

from __future__ import annotations

import getpass
from pathlib import Path
from textwrap import dedent

import pytest

from secaudit.model.inventory import Host, SshSettings
from secaudit.transport.interface import Unreachable
from secaudit.transport.ssh_route import Hop, route


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path / ".ssh"


def hops(address: str = "web1", settings: SshSettings | None = None) -> tuple[Hop, ...]:
    return route(Host("c", "s", "h", address, ssh=settings or SshSettings()))


def write(home: Path, text: str, name: str = "config") -> None:
    (home / name).write_text(dedent(text))


def test_without_a_configuration(home: Path) -> None:
    (hop,) = hops("Web1.Example.COM")
    assert (hop.host, hop.port, hop.user, hop.known_as) == (
        "Web1.Example.COM",
        22,
        getpass.getuser(),
        "web1.example.com",
    )
    assert hop.known_hosts == (home / "known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    assert hop.identity_files == ()
    assert hop.default_identities == (home / "id_ed25519", home / "id_ecdsa", home / "id_rsa")


def test_nobody_to_log_in_as(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    with pytest.raises(Unreachable, match="which user"):
        hops()
    assert hops(settings=SshSettings("audit"))[0].user == "audit"
    write(home, "Host web1\n  User audit\n")
    with pytest.raises(Unreachable, match="cannot be applied"):
        hops()


def test_an_alias(home: Path) -> None:
    write(
        home,
        """
        Host web1
          HostName 10.0.0.1
          User audit
          Port 2222
          IdentityFile ~/.ssh/audit
          IdentityFile /keys/%h
          IdentitiesOnly yes
          UserKnownHostsFile ~/.ssh/a /b
        """,
    )
    (hop,) = hops()
    assert (hop.host, hop.port, hop.user, hop.known_as) == ("10.0.0.1", 2222, "audit", "[10.0.0.1]:2222")
    assert hop.identity_files == (home / "audit", Path("/keys/10.0.0.1"))
    assert (hop.known_hosts, hop.identities_only) == ((home / "a", Path("/b")), True)
    assert hop.label == "web1 (10.0.0.1 port 2222)"


def test_the_settings_win(home: Path) -> None:
    write(home, "Host *\n  User nobody\n  Port 1\n  IdentityFile /no\n  UserKnownHostsFile /no\n  ProxyJump no\n")
    settings = SshSettings("audit", 23, ("j",), ("~/key",), "~/known", use_agent=False)
    _, first, last = hops(settings=settings)
    assert (last.user, last.port, last.known_hosts) == ("audit", 23, (home.parent / "known",))
    assert (last.identity_files, last.default_identities, last.use_agent) == ((home.parent / "key",), (), False)
    assert (first.host, first.user, first.port, first.identity_files) == ("j", "nobody", 1, last.identity_files)


def test_the_configuration_can_be_left_out(home: Path) -> None:
    write(home, "this is = not understood\nHost *\n  ProxyJump x\n  Port 99\n")
    assert [hop.port for hop in hops(settings=SshSettings(use_config=False))] == [22]


def test_a_host_key_alias(home: Path) -> None:
    write(home, "Host web1\n  HostKeyAlias Real\n  Port 2222\n")
    assert hops()[0].known_as == "real"


def test_jump_hosts_of_the_configuration(home: Path) -> None:
    write(
        home,
        """
        Host web1
          ProxyJump me@outer:2201,inner
        Host inner
          HostName 10.1.1.1
          ProxyJump never
        Host outer
          ProxyJump outermost
        """,
    )
    found = [(hop.user, hop.host, hop.port) for hop in hops()]
    me = getpass.getuser()
    assert found == [(me, "outermost", 22), ("me", "outer", 2201), (me, "10.1.1.1", 22), (me, "web1", 22)]


@pytest.mark.parametrize(
    ("jump", "expected"),
    [
        ("j", (None, "j", 22)),
        ("u@j", ("u", "j", 22)),
        ("u@j:7", ("u", "j", 7)),
        ("[fe80::1]:7", (None, "fe80::1", 7)),
        ("ssh://u@j:7", ("u", "j", 7)),
    ],
)
def test_how_a_jump_host_is_written(jump: str, expected: tuple[str | None, str, int], home: Path) -> None:
    first, _ = hops(settings=SshSettings(jump=(jump,)))
    assert (first.user, first.host, first.port) == (expected[0] or getpass.getuser(), *expected[1:])


def test_jump_none_in_the_configuration(home: Path) -> None:
    write(home, "Host *\n  ProxyJump none\n  ProxyCommand none\n")
    assert len(hops()) == 1


def test_a_jump_host_that_the_configuration_puts_before_everything(home: Path) -> None:
    write(home, "Host *\n  ProxyJump j\n")
    assert [hop.host for hop in hops()] == ["j", "web1"]


def test_included_files(home: Path) -> None:
    write(home, "Include conf.d/*.conf\nHost *\n  User last\n")
    (home / "conf.d").mkdir()
    write(home, "Host web1\n  Port 2222\n  User first\n", "conf.d/a.conf")
    write(home, "Include ~/.ssh/config\n", "conf.d/b.conf")
    (hop,) = hops()
    assert (hop.port, hop.user) == (2222, "first")


@pytest.mark.parametrize(
    ("config", "jump", "reason"),
    [
        ("Host web1\n  ProxyJump a\nHost a\n  ProxyJump web1\n", (), "circle"),
        ("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n", ("a",), "circle"),
        ("Host web1\n  ProxyCommand nc %h %p\n", (), "ProxyCommand"),
        ("Host web1\n  Port many\n", (), "'many' is not a port"),
        ("nonsense\n", (), "cannot be understood"),
        ("Match exec true\n", (), "does not run"),
        ("", ("a b",), "is not a jump host"),
        ("", ("a:b:c",), "is not a jump host"),
        ("", ("a:99999",), "'99999' is not a port"),
    ],
)
def test_what_cannot_be_followed(config: str, jump: tuple[str, ...], reason: str, home: Path) -> None:
    write(home, config)
    with pytest.raises(Unreachable, match=reason):
        hops(settings=SshSettings(jump=jump))


def test_a_configuration_that_cannot_be_read(home: Path) -> None:
    (home / "config").mkdir()
    with pytest.raises(Unreachable, match="config cannot be read: Is a directory"):
        hops()
