"""Which advisories and CVEs a finding is about; findings that are there tell after the next scan of their host."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    op.add_column("finding", sa.Column("advisories", sa.Text))
