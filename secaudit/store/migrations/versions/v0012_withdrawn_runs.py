"""The runs that were taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secaudit.store.types import AnyText, Moment

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "withdrawal",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("author", AnyText, nullable=False),
        sa.Column("reason", AnyText, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_withdrawal_run_id_run"),
        sa.PrimaryKeyConstraint("run_id", name="pk_withdrawal"),
    )
