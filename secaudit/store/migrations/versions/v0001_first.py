"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "run",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("started", _MOMENT, nullable=False),
        sa.Column("finished", _MOMENT),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("baselines", sa.Text, nullable=False),
        sa.Column("feeds", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_index("ix_run_started", "run", ["started"])
    op.create_table(
        "planned",
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "customer", "host", name="pk_planned"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_planned_run_id_run"),
    )
    op.create_table(
        "blob",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blob"),
        sa.UniqueConstraint("sha256", name="uq_blob_sha256"),
    )
    op.create_table(
        "scan",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("customer_name", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("os_id", sa.Text, nullable=False),
        sa.Column("os_version", sa.Text, nullable=False),
        sa.Column("opened", _MOMENT, nullable=False),
        sa.Column("transcript", sa.Integer, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scan"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_scan_run_id_run"),
        sa.ForeignKeyConstraint(["transcript"], ["blob.id"], name="fk_scan_transcript_blob"),
        sa.UniqueConstraint("run_id", "customer", "host", name="uq_scan_run_id_customer_host"),
    )
    op.create_index("ix_scan_customer_host_opened", "scan", ["customer", "host", "opened"])
    op.create_table(
        "result",
        sa.Column("scan_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("kind", sa.String),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("first_seen", _MOMENT),
        sa.Column("due", _MOMENT),
        sa.Column("detail", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("scan_id", "position", name="pk_result"),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_result_scan_id_scan"),
        sa.ForeignKeyConstraint(["detail"], ["blob.id"], name="fk_result_detail_blob"),
    )
    op.create_index("ix_result_fingerprint", "result", ["fingerprint"])
    op.create_table(
        "host",
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("latest_id", sa.Integer, nullable=False),
        sa.Column("complete_id", sa.Integer),
        sa.PrimaryKeyConstraint("customer", "name", name="pk_host"),
        sa.ForeignKeyConstraint(["latest_id"], ["scan.id"], name="fk_host_latest_id_scan"),
        sa.ForeignKeyConstraint(["complete_id"], ["scan.id"], name="fk_host_complete_id_scan"),
    )
    op.create_table(
        "finding",
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("control", sa.Text, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("kind", sa.String),
        sa.Column("waived", sa.Boolean, nullable=False),
        sa.Column("first_seen", _MOMENT, nullable=False),
        sa.Column("opened", _MOMENT, nullable=False),
        sa.Column("last_seen", _MOMENT, nullable=False),
        sa.Column("last_run", sa.String, nullable=False),
        sa.Column("due", _MOMENT),
        sa.Column("resolved", _MOMENT),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("searched", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_finding"),
        sa.ForeignKeyConstraint(
            ["customer", "host"], ["host.customer", "host.name"], name="fk_finding_customer_host_host"
        ),
    )
    op.create_index("ix_finding_customer_host", "finding", ["customer", "host"])
    op.create_index("ix_finding_order", "finding", ["resolved", "severity", "customer", "host"])
