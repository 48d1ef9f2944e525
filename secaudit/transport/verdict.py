"""How a command that came to an end did end: it answered, it was refused, or it does not exist there."""

from __future__ import annotations

import re

from secaudit.model.answer import AnswerStatus
from secaudit.model.request import Command

# What a launcher of ours prints when it cannot start the program, in the C locale; exit code 127 (not found) or 126
# (found, but not executable), as POSIX.1-2017, Shell Command Language 2.8.2, and timeout(1) have it.
_LAUNCHER = re.compile(
    rb"^(?:"
    rb"timeout: (?:failed to run command|failed to execute|can't execute) |"  # GNU coreutils, older ones; busybox
    rb"setsid: (?:failed to execute |can't execute )|"  # util-linux; busybox
    rb"(?:sh|-sh|dash|bash|/bin/sh)?(?:: line \d+|: \d+)?: exec: "  # dash, bash, busybox ash
    rb")(?P<program>.*)$",
    re.MULTILINE,
)

# sudo 1.8 and 1.9, plugins/sudoers and src/, in the C locale. Each is the whole reason of a line on stderr.
_SUDO_REFUSALS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rb"^sudo: a password is required$",  # -n and no NOPASSWD rule matches
        rb"^sudo: a terminal is required to ",  # 1.9: no way to ask for the password
        rb"^sudo: no tty present and no askpass program specified$",  # 1.8: the same
        rb"^sudo: (?:sorry, )?you must have a tty to run sudo$",  # Defaults requiretty
        rb"^(?:sudo: )?Sorry, user .* is not allowed to execute ",  # listed, but not for this argv
        rb"^\S+ is not in the sudoers file",  # not listed at all
        rb"^\S+ is not allowed to run sudo on ",  # listed for other hosts only
        rb"^(?:sudo: )?Sorry, user .* may not run sudo on ",
        rb"^sudo: \d+ incorrect password attempts?$",
        rb"^sudo: no password was provided$",
        rb"^sudo: (?:account validation failure|Account or password is expired)",  # PAM's account stage
        rb"^sudo: PAM ",  # PAM is broken or refuses the account
        rb"^sudo: .* must be owned by uid 0 and have the setuid bit set$",  # nosuid mount, container
        rb"^sudo: effective uid is not 0",
        rb'^sudo: The "no new privileges" flag is set',
        rb"^sudo: unable to (?:open|stat|initialize|load) .*sudo",  # sudoers or its plugin cannot be read
        rb"^sudo: (?:no valid sudoers sources found|error initializing .*plugin)",
        rb"^sudo: parse error in ",
    )
)

_SUDO_MISSING = re.compile(rb"^sudo: (?P<program>.+): command not found$", re.MULTILINE)


_TIMED_OUT = frozenset({124, 128 + 9, 128 + 15})
"""How a command that timeout(1) ended exits: coreutils (124, or by SIGKILL), busybox (by SIGTERM)."""


def judge(command: Command, uid: int | None, code: int, stderr: bytes, elapsed: float) -> tuple[AnswerStatus, str]:
    """The status of a command that ended with `code`, and the explanation of a status other than ENDED.

    `uid` is the user's on the host, None when it is not known. `elapsed` are the seconds that passed on the scanner.
    A refusal is read from stderr only: an exit code other than 0 alone says nothing, many commands answer with it.
    """
    program = command.argv[0]
    limit = command.timeout.total_seconds()
    # The clock is the scanner's: a slow line may hide a part of the time that passed on the host.
    if code in _TIMED_OUT and elapsed >= 0.8 * limit:
        return AnswerStatus.TIMEOUT, f"did not end within {limit:g} s"
    launcher = _LAUNCHER.search(stderr) if code in (126, 127) else None
    through_sudo = command.root and uid != 0
    if launcher is not None:
        if through_sudo:
            return AnswerStatus.DENIED, "needs root, and there is no sudo on the host that this user could run"
        if code == 127:
            return AnswerStatus.MISSING, f"{program} was not found"
        if launcher["program"].endswith(b"Permission denied"):
            return AnswerStatus.DENIED, f"this user may not execute {program}"
        return AnswerStatus.MISSING, f"{program} cannot be executed on the host"
    if through_sudo and code != 0:
        if _SUDO_MISSING.search(stderr):
            return AnswerStatus.MISSING, f"{program} was not found"
        if any(refusal.search(stderr) for refusal in _SUDO_REFUSALS):
            return AnswerStatus.DENIED, "sudo refused it"
    for refusal in command.refusals:
        if refusal.encode() in stderr:
            return AnswerStatus.DENIED, f"the command was refused: {refusal}"
    return AnswerStatus.ENDED, ""
