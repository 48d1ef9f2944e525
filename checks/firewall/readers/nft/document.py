"""Reader for `nft -j list ruleset`, the JSON of libnftables-json(5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...rules.ruleset import Origin, Ruleset, RulesetError
from .listing import read_objects
from .ruleset import UnnamedChains
from .text import tagged


def read_nft_json(text: str, source: str) -> Ruleset:
    """Read what `nft -j list ruleset` printed; `source` is what origins name.

    Raises `RulesetError` when the text is not the JSON of a ruleset. What is not understood inside a rule becomes
    part of that rule, any other object is listed in `unread`.
    """
    try:
        document = json.loads(text)
        match document:
            case {"nftables": [*entries]}:
                return _read(entries, source)
    except (ValueError, RecursionError) as error:
        raise RulesetError(f"is not the JSON of an nftables ruleset: {type(error).__name__}") from error
    raise RulesetError("is JSON, but not a list of nftables objects")


def _read(entries: Sequence[Any], source: str) -> Ruleset:
    objects: list[tuple[Origin, Any]] = []
    unnamed = UnnamedChains(source)
    for entry in entries:
        shown = json.dumps(entry, ensure_ascii=False)
        shown.encode()  # an escaped surrogate is no text: it could be neither stored nor shown
        objects.append((Origin(source, 1, shown), _lifted(entry, unnamed)))
    found = read_objects([*objects, *unnamed.objects])
    return Ruleset(found.tables, (*found.unread, *unnamed.unread))


def _lifted(entry: Any, unnamed: UnnamedChains) -> Any:
    """The entry with statements instead of the text that libnftables writes for a jump to a chain without a name."""
    match tagged(entry):
        case "rule", {"family": str(family), "table": str(table), "expr": [*parts]} as rule:
            read = [
                statement
                for part in parts
                for statement in (unnamed.statements(part, family, table) if isinstance(part, str) else [part])
            ]
            return {"rule": {**rule, "expr": read}}
    return entry
