"""The tags that the inventory gave a host when it was scanned; scans that are there have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column."""
    op.add_column("scan", sa.Column("tags", sa.Text, nullable=False, server_default="[]"))
