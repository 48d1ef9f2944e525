"""Counts as English says them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 host`, `2 hosts`, `1,000 hosts`; for nouns that only take an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
