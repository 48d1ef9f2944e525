"""Passwords in the address of a store: no message shows them, however wrong the address is."""

from __future__ import annotations

import pytest

from secaudit.cli.main import run

ADDRESSES = (
    "postgresql://u:hunter2pw@127.0.0.1:1/db",
    "postgresql+psycopg://u:hunter2pw@127.0.0.1:1/db?connect_timeout=1",
    "postgresql://127.0.0.1:1/db?user=u&password=hunter2pw",
    "postgresql://u:hunter2@hunter2pw@127.0.0.1:1/db",
    "postgresql://u:hunter2/hunter2pw@127.0.0.1:1/db",
    "postgresql://u:hunter2pw@127.0.0.1:port/db",
    "postgresql://u:hunter2pw@[::1/db",
    "postgresql://u:hunter2pw@127.0.0.1:1/db?bogus=hunter2pw",
    "mysql://u:hunter2pw@127.0.0.1/db",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_message_shows_the_password_of_a_store(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["findings", "list", "--store", address]) == 2
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert told.err.strip()
