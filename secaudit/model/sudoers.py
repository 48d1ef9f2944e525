"""One rule of a sudoers file for one fixed command line."""

from __future__ import annotations

import re

from secaudit.model.request import Command

# sudoers(5), "Other special characters and reserved words", and what visudo and sudo 1.9 themselves make of each ASCII
# character: without a backslash these end the rule, begin a comment, or are wildcards and patterns that would match
# more than the one argv that we mean. Every other character stands as it is; visudo refuses a backslash before most.
_SPECIAL = re.compile(r"([,:=!#*?\[\]^])")


def sudoers_rule(user: str, command: Command) -> str:
    """The rule that lets `user` run exactly this as root, without a password.

    sudo(8) matches arguments literally when they are given, and a command without arguments needs `""` to allow
    none (sudoers(5), "Command specification").
    """
    program, *arguments = command.argv
    words = [_escape(program), *(_escape(argument) or '""' for argument in arguments or [""])]
    return f"{user} ALL=(root) NOPASSWD: {' '.join(words)}"


def _escape(argument: str) -> str:
    return _SPECIAL.sub(r"\\\1", argument)
