"""Fixtures of the lab's own tests."""

from __future__ import annotations

from tests.lab.fixtures import clean_lab, start_lab

__all__ = ["clean_lab", "start_lab"]
