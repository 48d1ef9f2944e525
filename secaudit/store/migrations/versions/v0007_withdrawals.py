"""Acknowledgements and notes that are taken back; an earlier version would not understand such events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("finding_event", sa.Column("withdraws", sa.Integer, nullable=False, server_default="0"))
