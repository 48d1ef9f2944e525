"""What a link says of the rest of the store; links that are there say nothing of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    op.add_column("link", sa.Column("state", sa.LargeBinary(32)))
