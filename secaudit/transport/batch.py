"""One POSIX shell script for many commands, written for dash, busybox ash and bash, that answers in frames.

The script is fed to `sh -s` on stdin, writes nothing to the host's disk, and puts everything that a command prints
through an encoder (base64, else od) whose alphabet lacks the colon. The colons of the marks that the script itself
prints can therefore not be forged by any output; `frames` reads the stream:

    :hello NONCE UID ENCODER:
    :begin INDEX: :group PID: stdout, encoded :exit CODE: :stderr: stderr, encoded :end INDEX:
    ...
    :done:

`:exit:` is written in one piece by the process that waited for the command, while the encoder is still writing: it
may stand anywhere within the encoded stdout. A command whose background child keeps stdout open thus reports its exit
code although its output has not ended, and `PID` names the process group to kill.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from secaudit.model.request import KIB, Command

STDERR_LIMIT = 64 * KIB
"""Bytes of stderr that are kept of each command; the host sends up to twice as much."""

KILL_AFTER = 2
"""Seconds between SIGTERM and SIGKILL for a command that timeout(1) ends."""

ENVIRONMENT = "PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC; export PATH LC_ALL TZ"
"""Shell text that gives every host the same answers: messages in English, times in UTC, system directories only."""

# The commands stand in a function, which a shell reads to its end before it runs any of it: a script that was cut off
# on its way runs no command. No command can read the script, because its stdin is /dev/null.
#
# `launch` gives every command a process group of its own. timeout(1) of coreutils makes one itself, that of busybox
# does not; only the former knows --foreground. `launch` and `encode` only run in subshells, so they may exec.
#
# Most commands complain about nothing: `keep_complaints` finds that out with the shell's own `read` and starts no
# process for it. What exceeds the limit is drained, so that SIGPIPE does not end a command before its answer is
# complete.
#
# A program that is not there is told so without starting anything: hosts lack many of the commands that the checks of
# other distributions ask for. What is said is what a shell says, so that `verdict` reads it like the real thing.
#
# File descriptors: 3 is the channel, 4 leads to `keep_complaints`.
_PROLOGUE = """\
exec 2>/dev/null
{environment}
cd /
if command -v base64 >/dev/null; then encoder=base64; encode() {{ exec base64; }}
elif command -v od >/dev/null; then encoder=od; encode() {{ exec od -An -v -tx1; }}
else encoder=none; encode() {{ exec cat >/dev/null; }}
fi
if uid=$(timeout --foreground -k {kill} 9 id -u); then
  launch() {{ seconds=$1; shift; exec timeout -k {kill} "$seconds" "$@"; }}
elif uid=$(setsid timeout -k {kill} 9 id -u); then
  launch() {{ seconds=$1; shift; exec setsid timeout -k {kill} "$seconds" "$@"; }}
else
  uid=$(id -u)
  if command -v setsid >/dev/null; then launch() {{ shift; exec setsid "$@"; }}
  else launch() {{ shift; exec "$@"; }}
  fi
fi
sudo='sudo -n --'
[ "$uid" = 0 ] && sudo=
absent=$(echo 'sh: exec: not found' | encode)
keep_complaints() {{
  if IFS= read -r line; then
    printf '%.{stderr}s\\n' "$line"
    head -c {stderr}
    exec cat >/dev/null
  fi
  printf '%.{stderr}s' "$line"
}}
run() {{
  index=$1 limit=$2
  shift 2
  if ! command -v "$2" >/dev/null; then
    printf ':begin %s::exit 127::stderr:%s:end %s:' "$index" "$absent" "$index" >&3
    return
  fi
  printf ':begin %s:' "$index" >&3
  complaints=$(
    {{
      {{
        launch "$@" </dev/null 2>&4 3>&- 4>&- &
        printf ':group %s:' $! >&3
        wait $!
        printf ':exit %s:' $? >&3
      }} | head -c "$limit" | encode >&3
    }} 4>&1 | keep_complaints
  )
  printf ':stderr:' >&3
  [ -z "$complaints" ] || printf '%s\\n' "$complaints" | encode >&3
  printf ':end %s:' "$index" >&3
}}
main() {{
printf ':hello {nonce} %s %s:' "${{uid:-unknown}}" "$encoder" >&3
"""

_EPILOGUE = """\
printf ':done:' >&3
}
main 3>&1 >/dev/null </dev/null
exit 0
"""


def quote(argument: str) -> str:
    r"""Quote one argument for a POSIX shell: `it's` becomes `'it'\''s'`. Every word of data goes through here.

    Within single quotes no character but the quote itself is special (POSIX.1-2017, Shell Command Language, 2.2.2).
    """
    return "'" + argument.replace("'", "'\\''") + "'"


def command_line(argv: Sequence[str]) -> str:
    """The argv as a shell reads it back, every argument quoted."""
    return " ".join(quote(argument) for argument in argv)


def seconds(command: Command) -> str:
    """The command's time limit as timeout(1) takes it: whole seconds, at least one (0 would mean no limit)."""
    return str(max(1, math.ceil(command.timeout.total_seconds())))


def batch_script(commands: Sequence[Command], nonce: str) -> bytes:
    """The script that runs `commands` in order and answers in frames that begin with `nonce` (letters and digits).

    Root commands run through `sudo -n`, unless the script finds that it is root already.
    """
    lines = [_PROLOGUE.format(kill=KILL_AFTER, stderr=STDERR_LIMIT, nonce=nonce, environment=ENVIRONMENT)]
    for index, command in enumerate(commands):
        # One byte more than the limit tells an answer that was cut from one that just fits.
        run = f"run {index} {command.limit + 1} {seconds(command)} "
        # $sudo is our own text and must be split into words, so it alone is not quoted.
        lines.append(run + ("$sudo " if command.root else "") + command_line(command.argv) + "\n")
    return "".join([*lines, _EPILOGUE]).encode("utf-8", "surrogateescape")


def kill_script(group: int, ended: bool) -> bytes:
    """The script that kills a process group of the batch.

    Where the host has neither timeout(1) nor setsid(1) the command leads no group and is killed alone, unless it has
    `ended`: its process id may be another's by now. A group's id is safe as long as a member of it is alive.
    """
    return (f"kill -s KILL -- -{group:d}" + ("" if ended else f" || kill -s KILL {group:d}") + "\n").encode()
