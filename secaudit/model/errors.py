"""The base of errors that are for the person in front, not for a maintainer."""

from __future__ import annotations


class UserError(Exception):
    """Something is wrong that its reader can put right: a file, an option, a store, a permission.

    The text says what is wrong and what would be right, and holds no secret. The command line prints it and ends
    with exit code 2; every package derives its own error from this class.
    """
