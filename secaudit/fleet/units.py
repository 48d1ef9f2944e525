"""systemd units that run what is due: a service that ends, and a timer that starts it again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Work:
    """What a timer starts: the stem of its file names, how both units are described, and when (systemd.time(7)).

    `results` are exit codes that say what was found, not that the service failed: 1 is "there are findings". That
    something was not scanned to the end (3) is a failure, which somebody has to look at.
    """

    name: str
    service: str
    timer: str
    calendar: str = "*-*-* *:*:00"
    results: str = "1"


SCANS = Work("secaudit-schedule", "Scheduled secaudit scans", "Start secaudit scans that are due")
PROBES = Work("secaudit-availability", "Light probes of services by secaudit", "Start secaudit probes that are due")
REPORTS = Work(
    "secaudit-reports",
    "Monthly reports by secaudit, written and sent",
    "Write and send monthly reports of secaudit that are due",
    calendar="*-*-* 06:00:00",
    results="",
)

ALARM = "secaudit-failure"
"""The unit that is started when one of the services failed, with the name of that one."""

_ALARM_SERVICE = """\
[Unit]
Description=Say that %i failed

[Service]
Type=oneshot
# An error in the system's log. Replace the command by what reaches somebody, for example a mail.
ExecStart=/usr/bin/logger -p daemon.err -t secaudit "%i failed: see journalctl -u %i"
"""

SECRETS = "/etc/secaudit/secrets"
"""The environment file with the secrets that configuration names; it may be missing."""


def units(
    command: Sequence[str],
    user: str,
    work: Work = SCANS,
    *,
    before: Sequence[str] = (),
    writes: Sequence[Path] = (),
) -> Mapping[str, str]:
    """File name → text of the service (which runs `command` as `user`), the timer and the alarm: systemd.exec(5).

    `before` runs first, and `command` whatever becomes of it. `writes` are directories that have to be there, besides
    the state directory, into which the service may write. Raises ValueError for what a unit file cannot hold.
    """
    if not user or any(character.isspace() or character in "%\"'" for character in user):
        raise ValueError(f"{user!r} is not a user name")
    starts = [f"ExecStartPre=-{_line(before)}"] if before else []
    starts.append(f"ExecStart={_line(command)}")
    if work.results:
        starts.append('# 1 is "there are findings", a result; 3, "not everything could be scanned", is a failure.')
        starts.append(f"SuccessExitStatus={work.results}")
    starts += [f"ReadWritePaths={_path(path)}" for path in writes]
    return {
        f"{work.name}.service": _service(starts, user, work),
        f"{work.name}.timer": _timer(work),
        f"{ALARM}@.service": _ALARM_SERVICE,
    }


def _line(command: Sequence[str]) -> str:
    return " ".join(_quote(argument) for argument in command)


def _service(starts: Sequence[str], user: str, work: Work) -> str:
    lines = "\n".join(starts)
    return f"""\
[Unit]
Description={work.service}
Documentation=man:systemd.timer(5)
After=network-online.target time-sync.target
Wants=network-online.target
OnFailure={ALARM}@%n.service

[Service]
Type=oneshot
User={user}
EnvironmentFile=-{SECRETS}
{lines}
Nice=5
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
StateDirectory=secaudit
Environment=XDG_STATE_HOME=%S
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
"""


def _timer(work: Work) -> str:
    return f"""\
[Unit]
Description={work.timer}

[Timer]
# What is due is decided by secaudit itself; a missed time is caught up once.
OnCalendar={work.calendar}
AccuracySec=5s
Persistent=yes
Unit={work.name}.service

[Install]
WantedBy=timers.target
"""


def _path(path: Path) -> str:
    """Quote a path for ReadWritePaths=, which knows specifiers and quotes, but neither escapes nor variables."""
    text = str(path)
    if not path.is_absolute() or any(ord(character) < 32 or character in "\\\"'" for character in text):
        raise ValueError(f"{text!r} is no directory that a unit can name")
    return f'"{text.replace("%", "%%")}"'


def _quote(argument: str) -> str:
    """Quote one argument for ExecStart= (systemd.service(5), "Command lines")."""
    if any(ord(character) < 32 for character in argument):
        raise ValueError(f"{argument!r} holds a control character")
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return (
        f'"{escaped}"'
        if escaped != argument or not argument or any(c.isspace() or c in "';" for c in argument)
        else argument
    )
