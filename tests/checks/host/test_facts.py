"""The readers of the host's facts, over outputs recorded on Debian 12 and written after documented formats."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from secaudit.checks.host import FAMILY
from secaudit.checks.host import collect as host
from secaudit.checks.host.facts import (
    Filesystems,
    HostClock,
    ListeningSockets,
    Mounts,
    OsRelease,
    Packages,
    Services,
    Space,
)
from secaudit.checks.host.packages import PACKAGE_COMMANDS

from secaudit.api import Answer, AnswerStatus, Collector, Facts, Request, Unproven, UnprovenKind
from tests.checks.judging import (
    AT,
    NOT_ANSWERED,
    collect,
    collect_or_refuse,
    damaged,
    ended,
    facts,
    recorded,
    refusal,
    unanswered,
)

DPKG, RPM, APK, PACMAN, MODULES = PACKAGE_COMMANDS

SYSTEMCTL = """\
apache2.service                  loaded    active   running The Apache HTTP Server
● backup.service                 loaded    failed   failed  Nightly backup
ssh.service                      loaded    active   running OpenBSD Secure Shell server
plymouth-start.service           not-found inactive dead    plymouth-start.service
"""

RPM_QUERY = """\
bash\t0\t5.1.8\t9.el9\tx86_64\tbash-5.1.8-9.el9.src.rpm
openssl-libs\t1\t3.0.7\t27.el9\tx86_64\topenssl-3.0.7-27.el9.src.rpm
gpg-pubkey\t0\t8483c65d\t5ccc5b19\t(none)\t(none)
"""

NODE = "nodejs\t1\t20.11.1\t1.module_el9.3.0+90+f7dba7ef"

APK_DATABASE = """\
C:Q1abcdefghijklmnopqrstuvwxyz0=
P:musl
V:1.2.5-r0
A:x86_64
o:musl
F:lib
R:ld-musl-x86_64.so.1

P:libcrypto3
V:3.3.1-r3
A:x86_64
o:openssl
"""

REAL: dict[Request, bytes] = {
    host.OS_RELEASE: recorded("host", "os-release.txt"),
    host.KERNEL: b"Linux 6.1.0-37-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22) x86_64\n",
    host.CLOCK: b"1795492800.250000000\n",
    host.UPTIME: b"86400.50 172800.00\n",
    host.MOUNTS: recorded("host", "mountinfo.txt"),
    host.DF_BYTES: recorded("host", "df-k.txt"),
    host.DF_INODES: recorded("host", "df-i.txt"),
    host.SOCKETS_V4: recorded("host", "ss-4.txt"),
    host.SOCKETS_V6: recorded("host", "ss-6.txt"),
    host.SERVICES: SYSTEMCTL.encode(),
    DPKG: recorded("host", "dpkg-query.txt"),
    RPM: RPM_QUERY.encode(),
    APK: APK_DATABASE.encode(),
    PACMAN: b"acl 2.3.2-1\nshadow 1:4.16.0-1\n",
    MODULES: f"{NODE}\tx86_64\tnodejs:20:9030020240301113533:rhel9\n".encode(),
}


def os_release(id: str, *like: str) -> OsRelease:
    return OsRelease(id, "", "", "", like, ended(host.OS_RELEASE).evidence())


def mounts() -> Mounts:
    found: Mounts = collect(host.mounts, ended(host.MOUNTS, REAL[host.MOUNTS]))
    return found


def usage(df: bytes, inodes: bytes | None = None, exit: int = 0) -> Filesystems:
    found: Filesystems = collect(
        host.filesystems,
        ended(host.DF_BYTES, df, exit=exit),
        ended(host.DF_INODES, REAL[host.DF_INODES] if inodes is None else inodes),
        known=facts(mounts()),
    )
    return found


def sockets(v4: str | bytes = b"", v6: str | bytes = b"") -> ListeningSockets:
    found: ListeningSockets = collect(host.listening_sockets, ended(host.SOCKETS_V4, v4), ended(host.SOCKETS_V6, v6))
    return found


def test_os_release_of_debian() -> None:
    found = collect(host.os_release, ended(host.OS_RELEASE, REAL[host.OS_RELEASE]))
    assert (found.id, found.version, found.codename, found.id_like) == ("debian", "12", "bookworm", ())
    assert found.name == "Debian GNU/Linux 12 (bookworm)"


def test_os_release_resolves_quotes_and_takes_the_last_assignment() -> None:
    text = (
        '# a comment\nID="Rocky"\nID=\'rocky\'\nID_LIKE="rhel centos fedora"\nNAME="A \\"quoted\\" \\$name"\nrm -rf /\n'
    )
    found = collect(host.os_release, ended(host.OS_RELEASE, text))
    assert (found.id, found.id_like, found.name) == ("rocky", ("rhel", "centos", "fedora"), 'A "quoted" $name')


@pytest.mark.parametrize("text", ["", "\x00\xff", "NAME=Linux\n", "ID=\n", "<html>"])
def test_a_file_that_names_no_distribution_gives_no_fact(text: str) -> None:
    assert refusal(host.os_release, ended(host.OS_RELEASE, text)).kind is UnprovenKind.NOT_UNDERSTOOD


def test_kernel_keeps_the_blanks_of_its_version() -> None:
    found = collect(host.kernel, ended(host.KERNEL, REAL[host.KERNEL]))
    assert found.release == "6.1.0-37-amd64"
    assert found.version == "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"
    assert found.machine == "x86_64"


def test_clock_is_compared_with_the_middle_of_the_question() -> None:
    answer = ended(host.CLOCK, "1795492801.250000000\n", duration=timedelta(milliseconds=500))
    found: HostClock = collect(host.host_clock, answer)
    assert found.at == AT + timedelta(seconds=1, milliseconds=250)
    assert found.skew == timedelta(seconds=1)
    assert found.accuracy == timedelta(milliseconds=250, microseconds=1)


def test_clock_is_known_as_well_as_the_way_of_the_question_allows() -> None:
    answer = ended(host.CLOCK, "1795492800.000000000\n", asked=AT - timedelta(milliseconds=300))
    found: HostClock = collect(host.host_clock, answer)
    assert found.skew == timedelta()
    assert found.accuracy == timedelta(milliseconds=300, microseconds=1)


@pytest.mark.parametrize("text", ["1795492801.%N\n", "1795492801.N\n", "1795492801.\n"])
def test_clock_of_busybox_is_right_to_a_second(text: str) -> None:
    found: HostClock = collect(host.host_clock, ended(host.CLOCK, text))
    assert (found.skew, found.accuracy) == (timedelta(seconds=1), timedelta(seconds=1))


@pytest.mark.parametrize("text", ["", "yesterday", "99999999999.0", "1795492801.25", "-1.000000000", "१.000000000"])
def test_a_clock_that_makes_no_sense_gives_no_fact(text: str) -> None:
    assert refusal(host.host_clock, ended(host.CLOCK, text)).kind is UnprovenKind.NOT_UNDERSTOOD


def test_uptime_gives_the_time_of_boot() -> None:
    found = collect(host.uptime, ended(host.UPTIME, REAL[host.UPTIME]))
    assert found.uptime == timedelta(days=1, milliseconds=500)
    assert found.booted == datetime(2026, 11, 23, 3, 59, 59, 500_000, UTC)


def test_uptime_from_before_computers_gives_no_fact() -> None:
    assert refusal(host.uptime, ended(host.UPTIME, "999999999999.00 0.00")).kind is UnprovenKind.NOT_UNDERSTOOD


def test_mounts_leave_out_kernel_interfaces_and_resolve_blanks() -> None:
    by_target = {mount.target: mount for mount in mounts().mounts}
    assert set(by_target) == {
        "/",
        "/sys/fs/cgroup",
        "/dev/shm",
        "/srv/data set",
        "/srv/alias",
        "/srv/layers",
        "/srv/merged",
    }
    data = by_target["/srv/data set"]
    assert (data.source, data.fstype, data.device) == ("/dev/loop0", "ext4", "7:0")
    assert {"nosuid", "nodev"} <= set(data.options)
    assert data.evidence.lines is not None


def test_a_mount_on_top_hides_the_one_below() -> None:
    below = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /srv rw - ext4 /dev/sda2 rw\n"
    found = collect(host.mounts, ended(host.MOUNTS, below + "3 1 8:3 / /srv ro shared:7 - xfs /dev/sdb1 ro\n"))
    assert [(mount.target, mount.source) for mount in found.mounts] == [("/", "/dev/sda1"), ("/srv", "/dev/sdb1")]


@pytest.mark.parametrize(
    "text", ["", "overlay / overlay rw 0 0\n", "1 0 8:1 / / rw - ext4\n", "1 0 8:1 / srv rw - ext4 a rw\n"]
)
def test_a_mount_table_of_another_form_gives_no_fact(text: str) -> None:
    assert refusal(host.mounts, ended(host.MOUNTS, text)).kind is UnprovenKind.NOT_UNDERSTOOD


def test_usage_counts_a_file_system_once_and_as_df_does() -> None:
    by_target = {found.mount.target: found for found in usage(REAL[host.DF_BYTES]).filesystems}
    assert "/srv/alias" not in by_target  # a part of /srv/data set, mounted once more
    data = by_target["/srv/data set"]
    assert data.space is not None
    assert data.inodes is not None
    assert (data.space.percent, data.inodes.percent) == (93, 99)
    assert [evidence.source for evidence in data.evidence] == ["df -P -k", "df -P -i"]
    assert "/srv/data set" in data.evidence[0].excerpt


def test_usage_reads_df_of_busybox() -> None:
    found = usage(recorded("host", "df-k-busybox.txt"), recorded("host", "df-i-busybox.txt"))
    expected = usage(REAL[host.DF_BYTES])
    percent = {each.mount.target: each.space and each.space.percent for each in found.filesystems}
    assert percent == {each.mount.target: each.space and each.space.percent for each in expected.filesystems}


def test_a_mount_that_df_could_not_look_into_stays_unknown() -> None:
    without = b"".join(line for line in REAL[host.DF_BYTES].splitlines(keepends=True) if b"layers" not in line)
    by_target = {found.mount.target: found for found in usage(without, exit=1).filesystems}
    assert by_target["/srv/layers"].space is None
    assert by_target["/"].space is not None


def test_a_source_made_to_look_like_a_line_of_df_deceives_nobody() -> None:
    table = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "2 1 0:50 / /home/eve/m rw - fuse.x evil\\0401\\0401\\0401\\0401%\\040/ rw\n"
    )
    known = facts(collect(host.mounts, ended(host.MOUNTS, table)))
    df = "/dev/sda1 100 99 1 99% /\nevil 1 1 1 1% / 100 0 100 0% /home/eve/m\n"
    found = collect(host.filesystems, ended(host.DF_BYTES, df), ended(host.DF_INODES, ""), known=known)
    assert {each.mount.target: each.space and each.space.used for each in found.filesystems} == {
        "/": 99 * 1024,
        "/home/eve/m": 0,
    }


def test_a_mount_point_made_to_look_like_another_leaves_both_unknown_rather_than_wrong() -> None:
    table = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / /m\\0401\\0401\\0401\\0401%\\040/ rw - fuse.x x rw\n"
    known = facts(collect(host.mounts, ended(host.MOUNTS, table)))
    df = "/dev/sda1 100 99 1 99% /\nx 100 0 100 0% /m 1 1 1 1% /\n"
    found = collect(host.filesystems, ended(host.DF_BYTES, df), ended(host.DF_INODES, ""), known=known)
    assert [each.space for each in found.filesystems] == [None, None]


def test_a_number_that_no_file_system_has_is_no_number() -> None:
    df = f"/dev/vda {'9' * 5000} {'9' * 5000} {'9' * 5000} 5% /\n"
    (root,) = [each for each in usage(df.encode()).filesystems if each.mount.target == "/"]
    assert root.space is None


def test_usage_needs_the_mount_table() -> None:
    missing = facts(missing={Mounts: Unproven(UnprovenKind.DENIED, "no")})
    answers = (ended(host.DF_BYTES, REAL[host.DF_BYTES]), ended(host.DF_INODES, REAL[host.DF_INODES]))
    assert refusal(host.filesystems, *answers, known=missing).kind is UnprovenKind.DENIED


def test_percent_counts_what_ordinary_users_can_use_rounded_up() -> None:
    assert Space(used=901, available=99).percent == 91
    assert Space(used=0, available=0).percent == 0


def test_sockets_of_both_families() -> None:
    found = {(s.protocol, s.address, s.port): s for s in sockets(REAL[host.SOCKETS_V4], REAL[host.SOCKETS_V6]).sockets}
    assert len(found) == 12
    assert found["tcp", "0.0.0.0", 22].process == "sshd"
    assert not found["tcp", "::", 22].dual_stack
    assert found["tcp", "::", 443].dual_stack
    assert found["tcp", "0.0.0.0", 7007].interface == "lo"
    assert found["udp", "fe80::10", 546].interface == "veth0"
    assert found["tcp", "::ffff:127.0.0.1", 7008].evidence.source.startswith("ss ")
    assert found["udp", "2001:db8::10", 123].process == "ntpd"


def test_a_process_name_made_to_look_like_an_attribute_deceives_nobody() -> None:
    (hostile,) = [s for s in sockets(b"", REAL[host.SOCKETS_V6]).sockets if s.port == 8080]
    assert hostile.dual_stack
    assert hostile.process == 'x v6only:1 "(\x1b['


def test_sockets_whose_owner_was_not_shown() -> None:
    found = sockets(b"", recorded("host", "ss-6-nobody.txt"))
    assert {socket.process for socket in found.sockets} == {""}


def test_old_ss_prints_stars_and_bare_colons() -> None:
    v4 = "tcp    LISTEN     0      128       *:22                  *:*\n"
    v6 = "tcp    LISTEN     0      128      :::80        :::*\ntcp    LISTEN     0      100     ::1:25        :::*\n"
    found = [(s.address, s.port, s.dual_stack) for s in sockets(v4, v6).sockets]
    assert found == [("0.0.0.0", 22, False), ("::", 80, True), ("::1", 25, False)]


def test_a_host_that_listens_nowhere_is_an_answer() -> None:
    assert sockets().sockets == ()
    assert [evidence.source for evidence in sockets().evidence] == [host.SOCKETS_V4.key, host.SOCKETS_V6.key]


def test_sockets_are_read_where_control_groups_are_not_mounted() -> None:
    remark = b"Failed to find cgroup2 mount\nFailed to find cgroup2 mount\n"
    found: ListeningSockets = collect(
        host.listening_sockets,
        ended(host.SOCKETS_V4, REAL[host.SOCKETS_V4], stderr=remark),
        ended(host.SOCKETS_V6, stderr=remark),
    )
    assert found.sockets
    cut = ended(host.SOCKETS_V4, REAL[host.SOCKETS_V4], stderr=remark + b"Cannot allocate memory\n")
    assert refusal(host.listening_sockets, cut, ended(host.SOCKETS_V6)).kind is UnprovenKind.ERROR


@pytest.mark.parametrize(
    "line",
    [
        "tcp LISTEN 0 128 0.0.0.0:70000 0.0.0.0:*\n",
        "tcp LISTEN 0 128 example:22 0.0.0.0:*\n",
        "tcp LISTEN 0 128 [::]:22 [::]:*\n",
        "tcp ESTAB 0 0 192.0.2.1:22 192.0.2.2:5000\n",
        "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port\n",
        "\n",
    ],
)
def test_a_line_that_is_not_understood_costs_the_whole_list(line: str) -> None:
    good = REAL[host.SOCKETS_V4].decode()
    reason = refusal(host.listening_sockets, ended(host.SOCKETS_V4, good + line), ended(host.SOCKETS_V6))
    assert reason.kind is UnprovenKind.NOT_UNDERSTOOD
    assert "line 6" in reason.reason


def packages(known: Facts, *answers: Answer) -> Packages | Unproven:
    absent = {
        DPKG: unanswered(DPKG, AnswerStatus.MISSING),
        RPM: unanswered(RPM, AnswerStatus.MISSING),
        PACMAN: unanswered(PACMAN, AnswerStatus.MISSING),
        MODULES: unanswered(MODULES, AnswerStatus.MISSING),
        APK: ended(APK, exit=1, stderr="cat: can't open '/lib/apk/db/installed': No such file or directory\n"),
    }
    absent.update({answer.request: answer for answer in answers})
    found: Packages | Unproven = collect_or_refuse(host.packages, *absent.values(), known=known)
    return found


def test_packages_of_debian() -> None:
    found = packages(facts(os_release("debian")), ended(DPKG, REAL[DPKG] + b"nano\t7.2-1\tnano\t7.2-1\tamd64\trc \n"))
    assert isinstance(found, Packages)
    by_name = {package.name: package for package in found.packages}
    assert found.manager == "dpkg"
    assert "nano" not in by_name  # removed, only its configuration is left
    assert (by_name["libssl3"].architecture, by_name["libssl3"].source) == ("amd64", "openssl")
    assert (by_name["bash"].version, by_name["bash"].source_version) == ("5.2.15-2+b8", "5.2.15-2")


def test_packages_of_a_derivative_of_rhel() -> None:
    found = packages(facts(os_release("rocky", "rhel", "centos", "fedora")), ended(RPM, REAL[RPM]))
    assert isinstance(found, Packages)
    assert [(p.name, p.version, p.source, p.source_version) for p in found.packages] == [
        ("bash", "5.1.8-9.el9", "bash", "5.1.8-9.el9"),
        ("openssl-libs", "1:3.0.7-27.el9", "openssl", "1:3.0.7-27.el9"),
    ]


@pytest.mark.parametrize(
    ("labels", "stream"),
    [
        (ended(MODULES, f"{NODE}\tx86_64\tnodejs:20:9030020240301113533:rhel9\n"), "nodejs:20"),
        (ended(MODULES, exit=1, stderr="error: incorrect format: unknown tag"), ""),
        (unanswered(MODULES, AnswerStatus.NOT_RECORDED), ""),
    ],
)
def test_streams_of_modules(labels: Answer, stream: str) -> None:
    queried = f"{RPM_QUERY}{NODE}\tx86_64\tnodejs-20.11.1-1.module_el9.3.0+90+f7dba7ef.src.rpm\n"
    found = packages(facts(os_release("almalinux")), ended(RPM, queried), labels)
    assert isinstance(found, Packages)
    assert [package.stream for package in found.packages] == ["", "", stream]


def test_packages_of_arch() -> None:
    found = packages(facts(os_release("manjaro", "arch")), ended(PACMAN, "acl 2.3.2-1\nshadow 1:4.16.0-1\n"))
    assert isinstance(found, Packages)
    assert [(p.name, p.version) for p in found.packages] == [("acl", "2.3.2-1"), ("shadow", "1:4.16.0-1")]


def test_packages_of_alpine() -> None:
    found = packages(facts(os_release("alpine")), ended(APK, REAL[APK]))
    assert isinstance(found, Packages)
    assert [(p.name, p.version, p.source) for p in found.packages] == [
        ("musl", "1.2.5-r0", "musl"),
        ("libcrypto3", "3.3.1-r3", "openssl"),
    ]


def test_rpm_installed_on_debian_does_not_hide_a_dpkg_that_failed() -> None:
    failed = ended(DPKG, exit=2, stderr="dpkg-query: error: cannot read the database")
    found = packages(facts(os_release("debian")), failed, ended(RPM, REAL[RPM]))
    assert isinstance(found, Unproven)
    assert found.kind is UnprovenKind.ERROR


NO_NAME = facts(missing={OsRelease: Unproven(UnprovenKind.ERROR, "unreadable")})


@pytest.mark.parametrize("known", [NO_NAME, facts(os_release("plan9"))])
def test_an_unknown_distribution_needs_exactly_one_manager_with_packages(known: Facts) -> None:
    one = packages(known, ended(DPKG, exit=1), ended(RPM, REAL[RPM]))
    assert isinstance(one, Packages)
    assert one.manager == "rpm"
    two = packages(known, ended(DPKG, REAL[DPKG]), ended(RPM, REAL[RPM]))
    none = packages(known)
    silent = packages(known, unanswered(DPKG, AnswerStatus.TIMEOUT))
    assert isinstance(two, Unproven)
    assert isinstance(none, Unproven)
    assert isinstance(silent, Unproven)
    kinds = (two.kind, none.kind, silent.kind)
    assert kinds == (UnprovenKind.NOT_UNDERSTOOD, UnprovenKind.MISSING, UnprovenKind.TIMEOUT)


@pytest.mark.parametrize(
    ("distribution", "command", "text"),
    [
        ("debian", DPKG, "bash\t5.2\n"),
        ("debian", DPKG, "bash\t5.2\tbash\t5.2\tamd64\t\n"),
        ("debian", DPKG, ""),
        ("fedora", RPM, f"bash\t{'9' * 5000}\t5\t1\tx86_64\tbash-5-1.src.rpm\n"),
        ("fedora", RPM, "bash\t(none)\t5\t1\tx86_64\tbash-5-1.src.rpm\n"),
        ("arch", PACMAN, "acl\n"),
        ("arch", PACMAN, "error: could not open the database\n"),
        ("alpine", APK, "P:musl\n\n"),
        ("alpine", APK, "no colon here\n"),
    ],
)
def test_a_package_list_of_another_form_gives_no_fact(distribution: str, command: Request, text: str) -> None:
    found = packages(facts(os_release(distribution)), ended(command, text))
    assert isinstance(found, Unproven)
    assert found.kind is UnprovenKind.NOT_UNDERSTOOD


def test_services_with_the_mark_of_old_releases() -> None:
    found: Services = collect(host.services, ended(host.SERVICES, SYSTEMCTL))
    assert [(s.unit, s.load, s.active, s.sub) for s in found.services][1] == (
        "backup.service",
        "loaded",
        "failed",
        "failed",
    )
    assert found.services[3].load == "not-found"
    assert found.services[1].evidence.lines == (2, 2)


def test_a_host_without_systemd_says_so() -> None:
    stderr = "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
    reason = refusal(host.services, ended(host.SERVICES, exit=1, stderr=stderr))
    assert reason.kind is UnprovenKind.ERROR
    assert "not been booted with systemd" in reason.reason


@pytest.mark.parametrize("text", ["", "a.timer loaded active waiting x\n", "0 loaded units listed.\n"])
def test_a_service_list_of_another_form_gives_no_fact(text: str) -> None:
    assert refusal(host.services, ended(host.SERVICES, text)).kind is UnprovenKind.NOT_UNDERSTOOD


def known_for(collector: Collector[object]) -> Facts:
    return facts(*(fact for fact in (mounts(), os_release("debian")) if type(fact) in collector.uses))


@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
@pytest.mark.parametrize("status", NOT_ANSWERED)
def test_no_answer_never_becomes_a_fact(collector: Collector[object], status: AnswerStatus) -> None:
    answers = [unanswered(request, status, "as told") for request in collector.plan(())]
    assert refusal(collector, *answers, known=known_for(collector)).kind is NOT_ANSWERED[status]


@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
def test_a_cut_answer_never_becomes_a_fact(collector: Collector[object]) -> None:
    answers = [ended(request, REAL[request], truncated=True) for request in collector.plan(())]
    assert refusal(collector, *answers, known=known_for(collector)).kind is UnprovenKind.TRUNCATED


@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
@settings(max_examples=60)
@given(output=damaged(*REAL.values()), distribution=damaged(b"debian", b"fedora", b"alpine"))
def test_readers_survive_any_output(collector: Collector[object], output: bytes, distribution: bytes) -> None:
    answers = [ended(request, output) for request in collector.plan(())]
    collect_or_refuse(collector, *answers, known=facts(mounts(), os_release(distribution.decode("utf-8", "replace"))))


@pytest.mark.parametrize("piece", [b" ", b" 1", b"1", b"\n", b":", b"-", b"\\040", b"[", b'"'])
@pytest.mark.parametrize("collector", FAMILY.collectors, ids=lambda collector: collector.fact.__name__)
def test_no_output_keeps_a_reader_busy(collector: Collector[object], piece: bytes) -> None:
    """A reader whose time grows with the square of the output would not come back from these for minutes."""
    answers = [ended(request, piece * 60_000) for request in collector.plan(())]
    begun = time.process_time()
    collect_or_refuse(collector, *answers, known=known_for(collector))
    assert time.process_time() - begun < 5


def test_the_platform_is_what_os_release_says() -> None:
    found = collect(host.platform, ended(host.OS_RELEASE, REAL[host.OS_RELEASE]))
    assert (found.os_id, found.os_version) == ("debian", "12")
