"""Which runs judged only some controls or were re-checks; of older ones that is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns."""
    for name in ("narrow", "recheck"):
        op.add_column("run", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
