"""Events of findings; those that are there begin with when they were last opened, and end where they are resolved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table and fill in what is known of the findings that are there."""
    op.create_table(
        "finding_event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("severity", sa.SmallInteger),
        sa.Column("outcome", sa.String),
        sa.Column("until", _MOMENT),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_event"),
        sa.ForeignKeyConstraint(["fingerprint"], ["finding.fingerprint"], name="fk_finding_event_fingerprint_finding"),
    )
    op.create_index("ix_finding_event_fingerprint", "finding_event", ["fingerprint"])
    finding = sa.table(
        "finding",
        *(sa.column(name) for name in ("fingerprint", "outcome", "opened", "resolved", "severity")),
    )
    event = sa.table(
        "finding_event",
        *(sa.column(name) for name in ("fingerprint", "kind", "at", "severity", "outcome", "author", "reason", "note")),
    )
    columns = [column.name for column in event.columns]
    empty = (sa.literal(""), sa.literal(""), sa.literal(""))
    # A finding that is resolved by now may have been unproven only; it is taken for what a finding mostly is.
    outcome = sa.case((finding.c.outcome == "unproven", "unproven"), else_="failed")
    found = sa.select(finding.c.fingerprint, sa.literal("found"), finding.c.opened, finding.c.severity, outcome, *empty)
    resolved = sa.select(
        finding.c.fingerprint, sa.literal("resolved"), finding.c.resolved, sa.null(), finding.c.outcome, *empty
    ).where(finding.c.resolved.is_not(None))
    op.execute(event.insert().from_select(columns, found))
    op.execute(event.insert().from_select(columns, resolved))
