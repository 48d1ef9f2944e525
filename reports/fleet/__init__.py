"""The fleet report: all customers on one page, for the provider itself."""

from .rendering import REPORT, render

__all__ = ["REPORT", "render"]
