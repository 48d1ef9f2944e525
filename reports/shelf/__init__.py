"""The index of a customer's reports."""

from .rendering import PAGE, render

__all__ = ["PAGE", "render"]
