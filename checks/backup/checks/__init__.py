"""Checks of this family, a module for each."""

from .borg_freshness import borg_freshness
from .file_freshness import file_freshness
from .restic_freshness import restic_freshness

__all__ = ["borg_freshness", "file_freshness", "restic_freshness"]
