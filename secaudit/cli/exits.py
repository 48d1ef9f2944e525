"""Exit codes of every command, and the one error that commands raise to end with a sentence instead of a traceback."""

from __future__ import annotations

from enum import IntEnum

from secaudit.model.errors import UserError


class Exit(IntEnum):
    """0 fine; 1 findings; 2 wrong usage or configuration; 3 incomplete; 4 internal failure."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERNAL = 4


class CommandError(UserError):
    """Ends the command with `exit` after printing `message` (which holds no secret) to stderr."""

    def __init__(self, message: str, exit: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.exit = exit
