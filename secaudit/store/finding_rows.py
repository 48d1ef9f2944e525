"""A finding as its row holds it; `queries.finding_of` reads it back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from secaudit.store.lifecycle import Finding
from secaudit.store.queries import lines_of


def finding_row(found: Finding) -> dict[str, Any]:
    """Every column of the row of a finding."""
    row = {field.name: getattr(found, field.name) for field in fields(found)}
    searched = "\n".join((found.host, found.control, found.subject, found.title)).casefold()
    return {
        **row,
        "outcome": found.outcome.value,
        "kind": found.kind.value if found.kind else None,
        "searched": searched,
        "advisories": lines_of(found.advisories),
    }
