"""The technical report: everything a run found, with its proof."""

from .rendering import FORMAT, render, render_in

__all__ = ["FORMAT", "render", "render_in"]
