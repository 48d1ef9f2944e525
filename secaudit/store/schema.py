"""The tables. A new store gets them from here, an older one by migrations; a test holds both against each other."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

from secaudit.store.types import AnyText, Json, Moment, Rank

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
"""Every schema revision that this version knows, oldest first; the last one is current."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("started", Moment, nullable=False, index=True),
    Column("finished", Moment),
    Column("version", String, nullable=False),
    Column("baselines", Json, nullable=False),
    Column("feeds", Json, nullable=False),
    Column("narrow", Boolean, nullable=False, server_default=false()),
    Column("recheck", Boolean, nullable=False, server_default=false()),
)
"""A run. A `narrow` one judged only some controls, a `recheck` was started from the dashboard: neither is whole."""

withdrawal = Table(
    "withdrawal",
    metadata,
    Column("run_id", ForeignKey(run.c.id), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("author", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
)
"""The runs that were taken back: they stay, and nothing counts them; see `withdrawals`."""

planned = Table(
    "planned",
    metadata,
    Column("run_id", ForeignKey(run.c.id), primary_key=True),
    Column("customer", AnyText, primary_key=True),
    Column("host", AnyText, primary_key=True),
    Column("position", Integer, nullable=False),
)

blob = Table(
    "blob",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("data", LargeBinary, nullable=False),
)
"""Transcript heads, command outputs and details of results, compressed, each content once."""

scan = Table(
    "scan",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey(run.c.id), nullable=False),
    Column("customer", AnyText, nullable=False),
    Column("host", AnyText, nullable=False),
    Column("site", AnyText, nullable=False),
    Column("customer_name", AnyText, nullable=False),
    Column("address", AnyText, nullable=False),
    Column("status", String, nullable=False),
    Column("detail", AnyText, nullable=False),
    Column("os_id", AnyText, nullable=False),
    Column("os_version", AnyText, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("transcript", ForeignKey(blob.c.id), nullable=False),
    Column("tally", Json, nullable=False),
    Column("tags", Json, nullable=False, server_default="[]"),
    UniqueConstraint("run_id", "customer", "host"),
    Index(None, "customer", "host", "opened"),
)
"""One host in one run. `tally` counts its results by family, outcome, severity and waived.

`tags` are those that the inventory gave it then.
"""

result = Table(
    "result",
    metadata,
    Column("scan_id", ForeignKey(scan.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("fingerprint", String(32), nullable=False, index=True),
    Column("outcome", String, nullable=False),
    Column("kind", String),
    Column("severity", Rank, nullable=False),
    Column("first_seen", Moment),
    Column("due", Moment),
    Column("detail", ForeignKey(blob.c.id), nullable=False),
)
"""One result. What does not change from scan to scan stands in `detail`, which equal results share."""

host = Table(
    "host",
    metadata,
    Column("customer", AnyText, primary_key=True),
    Column("name", AnyText, primary_key=True),
    Column("latest_id", ForeignKey(scan.c.id), nullable=False),
    Column("complete_id", ForeignKey(scan.c.id)),
)
"""The newest scan of each host, and the newest that was complete."""

finding = Table(
    "finding",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("customer", AnyText, nullable=False),
    Column("host", AnyText, nullable=False),
    Column("site", AnyText, nullable=False),
    Column("control", AnyText, nullable=False),
    Column("check", AnyText, nullable=False),
    Column("family", AnyText, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("severity", Rank, nullable=False),
    Column("outcome", String, nullable=False),
    Column("kind", String),
    Column("waived", Boolean, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("opened", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("last_run", String, nullable=False),
    Column("due", Moment),
    Column("resolved", Moment),
    Column("reopened", Integer, nullable=False),
    Column("searched", AnyText, nullable=False),
    Column("advisories", AnyText),
    ForeignKeyConstraint(["customer", "host"], ["host.customer", "host.name"]),
    Index(None, "customer", "host"),
    Index("ix_finding_order", "resolved", "severity", "customer", "host"),
)
"""What failed or could not be proven, with its life over all scans; see `lifecycle`.

`searched` is what a text filter looks into, case folded: databases fold no more than ASCII, or are slow at it.
`advisories` are the ids and CVEs that it is about, one a line, with a line end before the first; null for none.
"""

finding_event = Table(
    "finding_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", ForeignKey(finding.c.fingerprint), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("severity", Rank),
    Column("outcome", String),
    Column("until", Moment),
    Column("author", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("note", AnyText, nullable=False),
    Column("withdraws", Integer, nullable=False, server_default="0"),
)
"""What happened to a finding, from which service levels are computed; rows are added and never changed.

`withdraws` is the row of the same finding that this one takes back, 0 for none.
"""

tracker_issue = Table(
    "tracker_issue",
    metadata,
    Column("customer", AnyText, primary_key=True),
    Column("tracker", AnyText, primary_key=True),
    Column("topic", String(16), primary_key=True),
    Column("issue", AnyText, nullable=False),
    Column("link", AnyText, nullable=False),
    Column("began", Moment, nullable=False),
    Column("state", String, nullable=False),
    Column("content", String, nullable=False),
    Column("returned", Moment),
)
"""The issue of a tracker that stands for findings; without its key from when it is asked for until it is there.

`content` is a digest of what was last written, `returned` when it was last said that the finding is back.
"""

service_probe = Table(
    "service_probe",
    metadata,
    Column("customer", AnyText, primary_key=True),
    Column("service", AnyText, primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("up", Boolean, nullable=False),
    Column("detail", AnyText, nullable=False),
    Column("expires", Moment),
)
"""What light probes of a service saw, ours or imported; `expires` is when its certificate does."""

link = Table(
    "link",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("customer", AnyText, nullable=False),
    Column("host", AnyText, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    Column("content", LargeBinary(32), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("state", LargeBinary(32)),
    Column("service", AnyText),
)
"""The chain over what the store holds, see `links`; rows are only ever added.

With a service a link is about probes of it, else without host about a run, without run about what somebody did with
findings. `marks` are the beginnings of each result's (or probe's) digest, `content` the digest of what was stored,
`state` that of what changes later, `sha256` the link's.
It refers to other tables by name only, because it has to tell when something of them is gone.
"""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", String(64), nullable=False, unique=True),
    Column("customer", AnyText, nullable=False),
    Column("target", AnyText, nullable=False),
    Column("subject", AnyText, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("recipients", Json, nullable=False),
    Column("files", Json, nullable=False),
    Column("composed", Moment, nullable=False),
    Column("stage", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next", Moment, nullable=False),
    Column("detail", AnyText, nullable=False),
    Index(None, "stage", "next"),
)
"""Messages to targets. `topic` is a digest of what is told to whom, so that nothing is told twice; `files` name blobs.

`next` is when a waiting message may be sent, and until when the sender of one that is being sent may take.
"""

told = Table(
    "told",
    metadata,
    Column("topic", String(64), primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)
"""Which changes were told to which target: digests."""
