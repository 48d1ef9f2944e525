"""The monthly report: what was promised to a customer, and what became of it."""

from .rendering import REPORT, render

__all__ = ["REPORT", "render"]
