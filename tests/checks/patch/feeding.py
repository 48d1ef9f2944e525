"""Small feeds written by hand, imported, and opened as a run opens them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import Advisories, AdvisorySource

from secaudit.api import Platform
from tests.checks.judging import AT


def osv(
    id: str,
    name: str,
    *fixed: str,
    ecosystem: str = "Debian:12",
    published: str = "2026-09-01T00:00:00Z",
    cves: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """A record about one package that is repaired in `fixed`; without, it is not repaired."""
    events = [{"introduced": "0"}, *({"fixed": version} for version in fixed)]
    return {
        "schema_version": "1.7.0",
        "id": id,
        "published": published,
        "modified": "2026-11-24T00:00:00Z",
        "aliases": list(cves),
        "affected": [
            {"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ],
        **more,
    }


def feed(tmp_path: Path, *records: dict[str, Any], name: str = "feed.jsonl") -> Path:
    """The records as JSON lines."""
    path = tmp_path / name
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def advisories(
    tmp_path: Path, *records: dict[str, Any], os_id: str = "debian", os_version: str = "12", now: datetime = AT
) -> Advisories:
    """The records as a run gets them for hosts of a platform."""
    directory = tmp_path / "feeds"
    import_feeds((feed(tmp_path, *records),), directory, now)
    return AdvisorySource(directory).load(Platform(os_id, os_version))
