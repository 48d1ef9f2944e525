"""Running the migrations with Alembic; imported only when a store is new or older than this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from secaudit.store.schema import REVISIONS

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = REVISIONS[-1]) -> None:
    """Bring the schema to `revision`, inside the transaction of `connection`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
