"""The technical report: everything a run found, with its proof."""

from .rendering import FORMAT, render

__all__ = ["FORMAT", "render"]
