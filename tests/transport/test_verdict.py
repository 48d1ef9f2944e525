"""Which endings are refusals, which are missing programs, and which are answers."""

from __future__ import annotations

import pytest

from secaudit.model.answer import AnswerStatus
from secaudit.model.request import Command
from secaudit.transport.verdict import judge

ENDED, DENIED, MISSING, TIMEOUT = AnswerStatus.ENDED, AnswerStatus.DENIED, AnswerStatus.MISSING, AnswerStatus.TIMEOUT

PLAIN = Command(("tool", "x"), refusals=("must be root",))
ROOT = Command(("/sbin/tool", "x"), root=True)


@pytest.mark.parametrize(
    ("code", "stderr", "status"),
    [
        (0, b"", ENDED),
        (1, b"", ENDED),
        (127, b"", ENDED),  # the tool's own word
        (127, b"tool: plugin: No such file or directory\n", ENDED),
        (126, b"tool: cannot: Permission denied\n", ENDED),
        (1, b"cat: /etc/shadow: Permission denied\n", ENDED),
        (1, b"sudo: a password is required\n", ENDED),  # no sudo was asked
        (127, b"timeout: failed to run command 'tool': No such file or directory\n", MISSING),
        (127, b"timeout: can't execute 'tool': No such file or directory\n", MISSING),
        (127, b"setsid: failed to execute tool: No such file or directory\n", MISSING),
        (127, b"sh: 12: exec: tool: not found\n", MISSING),
        (127, b"/bin/sh: exec: line 14: tool: not found\n", MISSING),
        (127, b"sh: line 14: exec: tool: not found\n", MISSING),
        (126, b"timeout: failed to run command 'tool': Permission denied\n", DENIED),
        (126, b"timeout: failed to run command 'tool': Exec format error\n", MISSING),
        (0, b"warning\ntool: you must be root\n", DENIED),
        (1, b"tool: you Must Be Root\n", ENDED),
    ],
)
def test_unprivileged(code: int, stderr: bytes, status: AnswerStatus) -> None:
    assert judge(PLAIN, 1000, code, stderr, 0.1)[0] is status


@pytest.mark.parametrize(
    ("stderr", "status"),
    [
        (b"sudo: a password is required\n", DENIED),
        (b"sudo: a terminal is required to read the password; either use the -S option ...\n", DENIED),
        (b"sudo: sorry, you must have a tty to run sudo\n", DENIED),
        (b"Sorry, user audit is not allowed to execute '/sbin/tool x' as root on web1.\n", DENIED),
        (b"audit is not in the sudoers file.  This incident will be reported.\n", DENIED),
        (b"audit is not allowed to run sudo on web1.\n", DENIED),
        (b"Sorry, try again.\n\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n", DENIED),
        (b"sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n", DENIED),
        (b'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.\n', DENIED),
        (b"sudo: /sbin/tool: command not found\n", MISSING),
        (b"sudo: unable to resolve host web1: Name or service not known\n", ENDED),  # a warning
        (b"tool: sudo: a password is required\n", ENDED),
        (b"", ENDED),
    ],
)
def test_through_sudo(stderr: bytes, status: AnswerStatus) -> None:
    assert judge(ROOT, 1000, 1, stderr, 0.1)[0] is status
    assert judge(ROOT, 1000, 0, stderr, 0.1)[0] is ENDED
    assert judge(ROOT, 0, 1, stderr, 0.1)[0] is ENDED


def test_without_sudo_a_root_command_is_denied() -> None:
    missing = b"timeout: failed to run command 'sudo': No such file or directory\n"
    assert judge(ROOT, 1000, 127, missing, 0.1)[0] is DENIED


@pytest.mark.parametrize("code", [124, 137, 143])
def test_a_command_that_was_ended_at_its_limit(code: int) -> None:
    assert judge(PLAIN, 0, code, b"", 30.01) == (TIMEOUT, "did not end within 30 s")
    assert judge(PLAIN, 0, code, b"", 3)[0] is ENDED
