"""Which issue of a tracker stands for which findings, and what light probes of services saw."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "tracker_issue",
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("issue", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("began", _MOMENT, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("returned", _MOMENT),
        sa.PrimaryKeyConstraint("customer", "tracker", "topic", name="pk_tracker_issue"),
    )
    op.create_table(
        "service_probe",
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("up", sa.Boolean, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("expires", _MOMENT),
        sa.PrimaryKeyConstraint("customer", "service", "at", name="pk_service_probe"),
    )
