"""Which services run code from before an update."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from secaudit.checks.patch.checks import deleted_libraries
from secaudit.checks.patch.collect import running_code
from secaudit.checks.patch.facts import RunningCode
from secaudit.checks.patch.readers.running import GROUPS, MAPS, NAMESPACES

from secaudit.api import AnswerStatus, Outcome, UnprovenKind
from tests.checks.judging import (
    NOT_ANSWERED,
    collect,
    collect_or_refuse,
    damaged,
    ended,
    judge,
    only,
    outcomes,
    refusal,
    unanswered,
)

SSL = "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"
VDSO = "7ffd6f3f9000-7ffd6f3fb000 r-xp 00000000 00:00 0                          [vdso]"


def mapped(pid: int, *paths: str) -> str:
    line = f"/proc/{pid}/maps:7f1c5c000000-7f1c5c021000 r-xp 00001000 08:01 1835                       "
    return f"/proc/{pid}/maps:{VDSO}\n" + "".join(f"{line}{path}\n" for path in paths)


def group(pid: int, path: str) -> str:
    return f"/proc/{pid}/cgroup:0::{path}\n"


def namespace(pid: int, id_: int = 4026531841) -> str:
    return f"  3319618      0 lrwxrwxrwx   1 root  root   0 Nov 24 08:08 /proc/{pid}/ns/mnt -> mnt:[{id_}]\n"


NAMES = group(1, "/init.scope") + group(70, "/system.slice/nginx.service") + group(71, "/user.slice/session-3.scope")
SPACES = namespace(1) + namespace(70) + namespace(71) + namespace(90, 4026532999)


def running(maps: str, names: str = NAMES, spaces: str = SPACES, exit: int = 0) -> RunningCode:
    return collect(
        running_code, ended(MAPS, maps, exit=exit), ended(GROUPS, names, exit=1), ended(NAMESPACES, spaces, exit=1)
    )


def test_a_service_that_was_not_restarted() -> None:
    found = running(mapped(1) + mapped(70, SSL, SSL.replace("ssl", "crypto"), SSL))
    finding = only(judge(deleted_libraries, {}, found))

    assert (finding.subject, finding.outcome) == ("nginx.service", Outcome.FAILED)
    assert finding.remediation == "systemctl restart nginx.service"
    assert finding.observed.count("libssl.so.3") == 1
    assert "libcrypto.so.3" in finding.observed
    assert only(judge(deleted_libraries, {"allow": ["nginx.service"]}, found)).outcome is Outcome.PASSED


def test_processes_of_users_are_one_finding() -> None:
    names = NAMES + group(72, "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service")
    found = running(mapped(71, SSL) + mapped(72, SSL), names, SPACES + namespace(72))
    assert outcomes(judge(deleted_libraries, {}, found)) == {"user sessions": Outcome.FAILED}


@pytest.mark.parametrize(
    "maps",
    [
        mapped(70, "/memfd:pulseaudio (deleted)"),
        mapped(70, "/dev/shm/lib.so.1 (deleted)"),
        mapped(70, "/SYSV00000000 (deleted)"),
        mapped(70, "/usr/sbin/nginx (deleted)"),
        mapped(70, "/tmp/jna-1/jna1.so (deleted)"),
        mapped(70, "/usr/lib/deleted/libssl.so.3"),
        mapped(90, SSL),  # in a container
        mapped(91, SSL),  # gone in the meantime
    ],
)
def test_what_is_no_outdated_library_of_the_host(maps: str) -> None:
    assert only(judge(deleted_libraries, {}, running(maps, exit=1))).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("maps", "spaces", "kind"),
    [
        ("", SPACES, UnprovenKind.DENIED),
        (mapped(70), namespace(70), UnprovenKind.MISSING),
        ("something else\n", SPACES, UnprovenKind.NOT_UNDERSTOOD),
    ],
)
def test_what_proves_nothing(maps: str, spaces: str, kind: UnprovenKind) -> None:
    answers = ended(MAPS, maps), ended(GROUPS, NAMES), ended(NAMESPACES, spaces)
    assert refusal(running_code, *answers).kind is kind


@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_without_root_nothing_is_known(status: AnswerStatus) -> None:
    assert refusal(running_code, unanswered(MAPS, status)).kind is NOT_ANSWERED[status]


@given(damaged(mapped(70, SSL).encode()), damaged(NAMES.encode()), damaged(SPACES.encode()))
def test_any_output_is_read_or_refused(maps: bytes, names: bytes, spaces: bytes) -> None:
    answers: Any = ended(MAPS, maps), ended(GROUPS, names), ended(NAMESPACES, spaces)
    collect_or_refuse(running_code, *answers)
