"""systemd units that run what is due: a service that ends, and a timer that starts it every minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """What a timer starts every minute: the stem of its file names, and how both units are described."""

    name: str
    service: str
    timer: str


SCANS = Work("secaudit-schedule", "Scheduled secaudit scans", "Start secaudit scans that are due")
PROBES = Work("secaudit-availability", "Light probes of services by secaudit", "Start secaudit probes that are due")


def units(command: Sequence[str], user: str, work: Work = SCANS) -> Mapping[str, str]:
    """File name → text of the service (which runs `command` as `user`) and the timer, after systemd.exec(5).

    Raises ValueError for a command or user that a unit file cannot hold.
    """
    if not user or any(character.isspace() or character in "%\"'" for character in user):
        raise ValueError(f"{user!r} is not a user name")
    return {f"{work.name}.service": _service(command, user, work), f"{work.name}.timer": _timer(work)}


def _service(command: Sequence[str], user: str, work: Work) -> str:
    line = " ".join(_quote(argument) for argument in command)
    return f"""\
[Unit]
Description={work.service}
Documentation=man:systemd.timer(5)
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=oneshot
User={user}
ExecStart={line}
# 1 is "there are findings" and 3 is "not everything could be proven": results, not failures of the service.
SuccessExitStatus=1 3
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
OnCalendar=*-*-* *:*:00
AccuracySec=5s
Persistent=yes
Unit={work.name}.service

[Install]
WantedBy=timers.target
"""


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
