"""Passwords come from where they are said to be, and never show themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from secaudit.model.inventory import SecretKind, SecretSource
from secaudit.transport.secrets import Secrets, SecretUnavailable


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_PASSWORD", " s3cret ")
    assert Secrets().get(SecretSource(SecretKind.ENV, "AUDIT_PASSWORD")) == " s3cret "


def test_file_without_its_final_newline(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    assert Secrets().get(SecretSource(SecretKind.FILE, str(file))) == "s3cret"


def test_a_command_runs_once_for_all_hosts(tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/runs; echo s3cret"
    secrets = Secrets()
    source = SecretSource(SecretKind.COMMAND, ("sh", "-c", script))
    assert [secrets.get(source), secrets.get(source)] == ["s3cret"] * 2
    assert (tmp_path / "runs").read_text() == "x\n"
    assert "s3cret" not in repr(secrets)


def test_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    known = {("secaudit", "audit"): "s3cret"}
    vars(keyring)["get_password"] = lambda service, user: known.get((service, user))
    vars(errors)["KeyringError"] = RuntimeError
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    assert Secrets().get(SecretSource(SecretKind.KEYRING, "secaudit/audit")) == "s3cret"
    with pytest.raises(SecretUnavailable, match="no entry secaudit/other"):
        Secrets().get(SecretSource(SecretKind.KEYRING, "secaudit/other"))


def test_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretUnavailable, match=r"need the package secaudit\[keyring\]"):
        Secrets().get(SecretSource(SecretKind.KEYRING, "secaudit/audit"))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SecretSource(SecretKind.ENV, "NO_SUCH_VARIABLE"), "variable NO_SUCH_VARIABLE is not set"),
        (SecretSource(SecretKind.ENV, "EMPTY_ONE"), "env EMPTY_ONE is empty"),
        (SecretSource(SecretKind.FILE, "/no/such"), "/no/such cannot be read: No such file"),
        (SecretSource(SecretKind.FILE, "/"), "/ cannot be read: Is a directory"),
        (SecretSource(SecretKind.FILE, "/bin/true"), "is not UTF-8 text"),
        (SecretSource(SecretKind.COMMAND, ("no-such-program", "hidden")), "no-such-program cannot be run"),
        (SecretSource(SecretKind.COMMAND, ("sh", "-c", "echo hidden >&2; exit 3")), "sh gave no secret: exit code 3"),
        (SecretSource(SecretKind.COMMAND, ("printf", "hidden\\nhidden")), "printf has more than one line"),
        (SecretSource(SecretKind.COMMAND, ("printf", "\\377")), "printf gave is not UTF-8 text"),
        (SecretSource(SecretKind.COMMAND, "true"), "command true is empty"),
        (SecretSource(SecretKind.KEYRING, "service"), "is written service/user"),
    ],
)
def test_what_goes_wrong_names_the_source_only(
    source: SecretSource, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY_ONE", "")
    with pytest.raises(SecretUnavailable, match=reason) as raised:
        Secrets().get(source)
    assert "hidden" not in str(raised.value)


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secaudit.transport.secrets._COMMAND_LIMIT", 0.1)
    with pytest.raises(SecretUnavailable, match="no secret within"):
        Secrets().get(SecretSource(SecretKind.COMMAND, ("sleep", "60")))
