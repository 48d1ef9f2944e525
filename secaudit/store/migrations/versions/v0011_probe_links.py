"""Links about what was probed of services; the first of each service covers all that is there by then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column."""
    op.add_column("link", sa.Column("service", sa.Text))
