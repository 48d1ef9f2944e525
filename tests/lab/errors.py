"""What the lab raises."""

from __future__ import annotations


class LabError(Exception):
    """The lab could not do what was asked; the text is for the person at the keyboard."""
