"""Migrations lead from every earlier schema to the one that the code describes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from secaudit.store import StoreError, connect, open_store
from secaudit.store.connect import WRITING, parse_url
from secaudit.store.migrate import MIGRATIONS, upgrade
from secaudit.store.schema import REVISIONS, metadata


def migrated(path: Path, revision: str) -> None:
    """A store as the version with this revision left it."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


@pytest.mark.parametrize("revision", [*REVISIONS, None])
def test_every_earlier_schema_and_none_become_the_one_of_the_code(path: Path, revision: str | None) -> None:
    if revision is not None:
        migrated(path, revision)
    open_store(str(path)).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISIONS[-1]
        found = inspect(connection)
        for table in metadata.tables.values():
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
            assert {key["name"] for key in found.get_foreign_keys(table.name)} == {
                key.name for key in table.foreign_key_constraints
            }
    engine.dispose()


def test_the_code_knows_exactly_the_revisions_that_ship() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


def test_a_failed_migration_leaves_the_store_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(connection: object) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")  # type: ignore[attr-defined]  # a Connection
        raise RuntimeError("killed in the middle")

    migrated(path, REVISIONS[0])
    monkeypatch.setattr("secaudit.store.migrate.upgrade", half)
    with pytest.raises(RuntimeError):
        open_store(str(path))
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[0],)]
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    open_store(str(path)).close()


def test_a_store_that_could_not_be_made_whole_is_not_there_in_part(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(connection: object) -> None:
        connection.exec_driver_sql("CREATE TABLE run (id INTEGER)")  # type: ignore[attr-defined]  # a Connection
        raise RuntimeError("killed in the middle")

    monkeypatch.setattr(connect, "_create", half)
    with pytest.raises(RuntimeError):
        open_store(str(path))
    monkeypatch.undo()
    open_store(str(path)).close()


def test_reading_never_upgrades(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match="there is no store"):
        open_store(str(path), read_only=True)
    assert path.read_bytes() == b""
    open_store(str(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        raw.execute("UPDATE alembic_version SET version_num = ?", REVISIONS[:1])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="was written by an older secaudit; the next scan upgrades it"):
        open_store(str(path), read_only=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_there", [False, True], ids=["no file", "an empty file"])
def test_a_store_that_must_be_there_is_not_made(path: Path, *, is_there: bool) -> None:
    if is_there:
        path.touch()
    with pytest.raises(StoreError, match="there is no store"):
        open_store(str(path), create=False)
    assert path.exists() == is_there
    open_store(str(path)).close()
    open_store(str(path), create=False).close()


def test_two_that_open_a_new_store_at_once_migrate_it_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = parse_url(str(path))
    looked: list[str | None] = []
    revision = connect._revision

    def slow(*arguments: object) -> str | None:
        found = revision(*arguments)  # type: ignore[arg-type]  # passed on as they came
        if not looked:
            looked.append(found)
            # The other process comes between our look without the lock and our taking it.
            connect.connect(url, read_only=False, create=True).dispose()
        return found

    monkeypatch.setattr(connect, "_revision", slow)
    engine = connect.connect(url, read_only=False, create=True)
    with engine.execution_options(**{WRITING: True}).begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM run").scalar() == 0
    engine.dispose()
    assert looked == [None]
