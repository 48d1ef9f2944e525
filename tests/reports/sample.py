"""A realistic run over the invented customer Muster GmbH, for tests, screenshots and the eye.

`python -m tests.reports.sample OUT.html` writes its technical report.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secaudit.model.answer import Reach
from secaudit.model.baseline import BaselineStamp
from secaudit.model.evidence import Evidence
from secaudit.model.feed import FeedStamp
from secaudit.model.outcome import Outcome, UnprovenKind
from secaudit.model.result import Result, Waiver, fingerprint
from secaudit.model.run import HostRecord, RunInfo, RunReport
from secaudit.model.severity import Severity

STARTED = datetime(2026, 10, 31, 2, 10, 12, tzinfo=UTC)
FINISHED = STARTED + timedelta(minutes=10, seconds=41)
WAIVER = Waiver(
    "anna@provider.example",
    "shop migration, old and new run side by side",
    datetime(2027, 1, 31, tzinfo=UTC),
    "it@muster.example",
    "the port is open to the office network only",
)
MONTH_AGO = STARTED - timedelta(days=29)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _host(site: str, name: str, address: str, os_id: str = "debian", version: str = "12", **more: object) -> HostRecord:
    record = HostRecord("muster", site, name, address, Reach.COMPLETE, "", os_id, version, _sha(name), "Muster GmbH")
    return replace(record, **more)  # type: ignore[arg-type]  # a test's shorthand; dataclasses checks the names


HOSTS = (
    _host("vienna", "fw1", "10.20.0.1"),
    _host("vienna", "web1", "10.20.0.11"),
    _host("vienna", "web2", "10.20.0.12"),
    _host("vienna", "app1", "10.20.0.15", "ubuntu", "24.04"),
    _host("vienna", "db1", "10.20.0.21"),
    _host("vienna", "db2", "10.20.0.22"),
    _host("vienna", "backup1", "10.20.0.31"),
    _host("graz", "fw2", "10.21.0.1"),
    _host("graz", "files1", "10.21.0.14"),
    _host("graz", "erp1", "10.21.0.16", "sles", "15.6"),
    _host(
        "graz",
        "print1",
        "10.21.0.40",
        "",
        "",
        status=Reach.UNREACHABLE,
        detail="no route to host within 10 s, tried twice",
        transcript="",
    ),
    _host(
        "graz",
        "backup2",
        "10.21.0.31",
        status=Reach.PARTIAL,
        detail="connection lost after 41 of 58 commands",
    ),
)

CONTROLS: dict[str, tuple[str, str, Severity, str, str, str]] = {
    # control: (check, title, severity, expected, typical observation, typical subject)
    "open-ports": (
        "network.open-ports",
        "Only named ports are open from outside",
        Severity.HIGH,
        "22, 80, 443",
        "22, 443",
        "tcp",
    ),
    "listeners": (
        "network.listeners",
        "Only named services listen",
        Severity.MEDIUM,
        "only named services listen",
        "sshd",
        "tcp/22",
    ),
    "input-policy": (
        "firewall.default-policy",
        "What no rule accepts is dropped",
        Severity.CRITICAL,
        "dropped by default",
        "ip filter INPUT: policy drop",
        "ip filter INPUT",
    ),
    "any-any": (
        "firewall.any-any",
        "No rule accepts everything",
        Severity.HIGH,
        "no rule that accepts everything",
        "none among 12 rules",
        "",
    ),
    "ipv6-parity": (
        "firewall.ipv6",
        "IPv6 is filtered as IPv4 is",
        Severity.HIGH,
        "incoming IPv6 packets are filtered where IPv4 packets are",
        "incoming IPv6 packets are filtered",
        "",
    ),
    "security-updates": (
        "patch.pending-security",
        "Security updates are installed",
        Severity.HIGH,
        "at most 0 packages with a pending security update",
        "none pending",
        "",
    ),
    "reboot": (
        "patch.reboot",
        "No reboot is pending",
        Severity.MEDIUM,
        "no reboot pending for more than 14d",
        "no flag, and the newest kernel runs",
        "",
    ),
    "end-of-life": (
        "patch.end-of-life",
        "The release gets security updates",
        Severity.CRITICAL,
        "security updates now and for the next 90d",
        "Debian 12 is supported until 2028-06-30 (table reviewed on 2026-08-01)",
        "",
    ),
    "backup-age": (
        "backup.too-old",
        "restic snapshots are fresh",
        Severity.CRITICAL,
        "not older than 26h",
        "snapshot 81b0c4de of db1 (/var/lib/postgresql), 4h 12m old",
        "restic:/srv/repo",
    ),
    "clock": (
        "host.clock",
        "The clock is right",
        Severity.LOW,
        "at most 2 s from the scanner's clock",
        "0.1 s ahead, known to ±0.02 s",
        "",
    ),
    "root-login": ("host.root-login", "Root can log in over SSH", Severity.HIGH, "no", "no", "sshd"),
    "raid": (
        "resilience.raid",
        "RAID arrays are whole",
        Severity.CRITICAL,
        "active, all members present, nothing being rebuilt",
        "active raid1, 2 of 2 members",
        "md0",
    ),
    "smart": ("resilience.smart", "Disk reports errors", Severity.HIGH, "no reallocated sectors", "0", "/dev/sda"),
}

REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "network": {"cis-v8": ("4.4", "4.8"), "pci-4.0": ("1.2.5",)},
    "firewall": {"cis-v8": ("4.4",), "pci-4.0": ("1.2.1", "1.4.2"), "bsi": ("NET.3.2.A2",)},
    "patch": {"cis-v8": ("7.3",), "bsi": ("OPS.1.1.3.A15",)},
    "backup": {"cis-v8": ("11.2",), "bsi": ("CON.3.A5",)},
    "host": {"CIS Debian 12": ("5.2.7",)},
    "resilience": {"iso-27001": ("A.8.14",)},
}


def result(control: str, host: str, outcome: Outcome, subject: str | None = None, **more: object) -> Result:
    """A result of one of the sample's controls; what is not given is what is typical."""
    check, title, severity, expected, observed, typical = CONTROLS[control]
    subject = typical if subject is None else subject
    site = next(record.site for record in HOSTS if record.host == host)
    family = check.partition(".")[0]
    plain = Result(
        fingerprint=fingerprint("muster", host, control, subject),
        control=control,
        check=check,
        family=family,
        title=title,
        customer="muster",
        site=site,
        host=host,
        subject=subject,
        outcome=outcome,
        severity=severity,
        reason="",
        observed=observed if outcome is Outcome.PASSED else "",
        expected=expected if outcome is not Outcome.NOT_APPLICABLE else "",
        references=REFERENCES[family],
        baseline=f"linux-server.yaml:{20 + 7 * list(CONTROLS).index(control)}",
        first_seen=MONTH_AGO,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # a test's shorthand; dataclasses checks the names


def _failures() -> Iterator[Result]:
    yield result(
        "input-policy",
        "fw2",
        Outcome.FAILED,
        "ip6 filter INPUT",
        reason="IPv6 packets that no rule picks out are accepted on the input hook.",
        observed="ip6 filter INPUT: policy accept",
        evidence=(
            Evidence(
                "sudo /usr/sbin/nft list ruleset",
                0,
                (41, 44),
                "table ip6 filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n\t}",
            ),
        ),
        remediation="nft chain ip6 filter INPUT '{ policy drop; }'\n# keep ICMPv6, or neighbour discovery stops:\n"
        "nft add rule ip6 filter INPUT meta l4proto ipv6-icmp accept\n"
        "nft add rule ip6 filter INPUT ct state established,related accept\nnft list ruleset > /etc/nftables.conf",
        baseline="linux-server.yaml:34",
        first_seen=STARTED + timedelta(minutes=4),
        due=STARTED + timedelta(hours=24),
    )
    yield result(
        "backup-age",
        "db1",
        Outcome.FAILED,
        "restic:/srv/restic/shop-db",
        reason="The newest backup is too old.",
        observed="snapshot 5c1e90ab of db1 (/var/lib/postgresql), 3d 7h old",
        evidence=(
            Evidence(
                "sudo /usr/bin/restic -r /srv/restic/shop-db snapshots --json --no-lock",
                0,
                (1, 1),
                '[{"time":"2026-10-27T19:02:11.532Z","tree":"9f02…","paths":["/var/lib/postgresql"],"hostname":"db1","id":"5c1e90ab44d28e17"}]',
            ),
            Evidence(
                "/usr/bin/systemctl status --no-pager restic-shop-db.service",
                3,
                (3, 6),
                "     Active: failed (Result: exit-code) since Fri 2026-10-30 19:00:04 UTC; 7h ago\n"
                "   Main PID: 48113 (code=exited, status=1/FAILURE)\n"
                "Oct 30 19:00:04 db1 restic[48113]: Fatal: unable to open config file: Stat: access key expired\n"
                "Oct 30 19:00:04 db1 systemd[1]: restic-shop-db.service: Failed with result 'exit-code'.",
            ),
        ),
        remediation="# renew the access key, then\nsystemctl start restic-shop-db.service\n"
        "journalctl -u restic-shop-db.service -n 20",
        baseline="baselines/muster-db.yaml:14",
        first_seen=STARTED - timedelta(days=2),
        due=STARTED - timedelta(hours=5),
    )
    yield result(
        "open-ports",
        "app1",
        Outcome.FAILED,
        "tcp/9000",
        reason="Port tcp/9000 is open from outside, and the baseline does not name it.",
        observed="open (php-fpm)",
        evidence=(Evidence("port scan tcp 1-65535", 0, (7, 7), "9000/tcp open  cslistener  syn-ack ttl 63"),),
        remediation="# bind it to the loopback address\nsed -i 's/^listen = .*/listen = 127.0.0.1:9000/' "
        "/etc/php/8.3/fpm/pool.d/www.conf\nsystemctl reload php8.3-fpm",
        due=STARTED + timedelta(days=3),
    )
    pending = {
        "web1": ("openssl 3.0.17-1~deb12u2, released 2026-10-18", 14),
        "web2": ("openssl 3.0.17-1~deb12u2, released 2026-10-18", 14),
        "app1": ("linux-image-6.8.0-81-generic, released 2026-10-20", 22),
        "db2": ("openssl 3.0.17-1~deb12u2, released 2026-10-18", 9),
        "erp1": ("libopenssl3 3.1.4-150600.5.33, released 2026-10-09", 41),
    }
    for host, (observed, line) in pending.items():
        yield result(
            "security-updates",
            host,
            Outcome.FAILED,
            observed.split()[0].rstrip(","),
            reason=f"A security update of {observed.split()[0].rstrip(',')} is available and not installed.",
            observed=observed,
            evidence=(
                Evidence("/usr/bin/apt-get -s -q dist-upgrade", 0, (line, line), f"Inst {observed.split(',')[0]}"),
            ),
            remediation="apt-get update\napt-get install --only-upgrade openssl libssl3\n"
            "# services that still use the old library:\nneedrestart -r l",
            first_seen=STARTED - timedelta(days=6 if host != "erp1" else 22),
            due=STARTED + timedelta(days=1) if host != "erp1" else STARTED - timedelta(days=15),
        )
    for host in ("web1", "web2", "app1"):
        yield result(
            "reboot",
            host,
            Outcome.FAILED,
            reason="Installed updates do not take effect before the host is rebooted.",
            observed="needed to run linux-image-6.1.0-41-amd64, 12d ago",
            evidence=(Evidence("/usr/bin/uname -r", 0, (1, 1), "6.1.0-38-amd64"),),
            remediation="systemctl reboot",
        )
    yield result(
        "smart",
        "backup1",
        Outcome.FAILED,
        "/dev/sdc",
        severity=Severity.MEDIUM,
        reason="The disk has replaced 48 sectors; more are waiting.",
        observed="Reallocated_Sector_Ct 48, Current_Pending_Sector 3",
        evidence=(
            Evidence(
                "sudo /usr/sbin/smartctl -A /dev/sdc",
                0,
                (12, 13),
                "  5 Reallocated_Sector_Ct   0x0033   100   100   010    Pre-fail  Always       -       48\n"
                "197 Current_Pending_Sector  0x0012   100   100   000    Old_age   Always       -       3",
            ),
        ),
        remediation="# order a spare, then replace the disk in its array\n"
        "mdadm --manage /dev/md1 --fail /dev/sdc1 --remove /dev/sdc1",
    )
    for host in ("fw2", "files1"):
        yield result(
            "clock",
            host,
            Outcome.FAILED,
            reason=f"The clock is {'6.4 s behind' if host == 'fw2' else '11.0 s ahead'}, known to ±0.05 s.",
            observed=f"{'6.4 s behind' if host == 'fw2' else '11.0 s ahead'}, known to ±0.05 s",
            evidence=(Evidence("/usr/bin/date +%s.%N", 0, (1, 1), "1793412645.218840113"),),
            remediation="systemctl enable --now systemd-timesyncd\ntimedatectl timesync-status",
        )
    yield result(
        "open-ports",
        "web1",
        Outcome.FAILED,
        "tcp/8080",
        reason="Port tcp/8080 is open from outside, and the baseline does not name it.",
        observed="open (java)",
        evidence=(Evidence("port scan tcp 1-65535", 0, (6, 6), "8080/tcp open  http-proxy  syn-ack ttl 63"),),
        remediation="systemctl disable --now migration-proxy.service",
        waiver=WAIVER,
    )


def _gaps() -> Iterator[Result]:
    dead = "`cat /etc/os-release` was not answered: no route to host within 10 s, tried twice"
    for control in (
        "open-ports",
        "listeners",
        "input-policy",
        "any-any",
        "security-updates",
        "reboot",
        "end-of-life",
        "clock",
        "root-login",
    ):
        yield result(control, "print1", Outcome.UNPROVEN, "", kind=UnprovenKind.UNREACHABLE, reason=dead)
    for control in ("raid", "smart"):
        yield result(
            control,
            "backup2",
            Outcome.UNPROVEN,
            "",
            kind=UnprovenKind.UNREACHABLE,
            reason="`cat /proc/mdstat` was not answered: connection lost",
        )
    for host in ("fw1", "erp1"):
        yield result(
            "any-any",
            host,
            Outcome.UNPROVEN,
            "",
            kind=UnprovenKind.DENIED,
            reason="`sudo /usr/sbin/nft list ruleset` was denied: a password is required",
            evidence=(Evidence("sudo /usr/sbin/nft list ruleset", 1, None, "sudo: a password is required"),),
        )
    yield result(
        "ipv6-parity",
        "web2",
        Outcome.UNPROVEN,
        "",
        kind=UnprovenKind.NOT_UNDERSTOOD,
        reason="it depends on the rule `socket cgroupv2 level 2 accept` (line 63 of `sudo /usr/sbin/nft list ruleset`)"
        ": field is not modelled: socket cgroupv2",
        evidence=(
            Evidence(
                "sudo /usr/sbin/nft list ruleset", 0, (63, 63), '\t\tsocket cgroupv2 level 2 "system.slice/web" accept'
            ),
        ),
    )


def report() -> RunReport:
    """The whole run: what failed and what is unproven as told above, the rest passed or does not apply."""
    told = [*_failures(), *_gaps()]
    settled = {(one.host, one.control) for one in told}
    results = list(told)
    for record in HOSTS:
        for control in CONTROLS:
            if (record.host, control) in settled or record.status is Reach.UNREACHABLE:
                continue
            if control == "backup-age" and record.host not in ("db1", "db2", "files1", "backup1", "backup2"):
                results.append(
                    result(
                        control,
                        record.host,
                        Outcome.NOT_APPLICABLE,
                        "",
                        reason="no dataset of this host is under backup",
                    )
                )
            elif control in ("raid", "smart") and record.host not in ("backup1", "backup2", "files1"):
                results.append(
                    result(
                        control,
                        record.host,
                        Outcome.NOT_APPLICABLE,
                        "",
                        reason="virtual machine: the storage is the hypervisor's",
                    )
                )
            elif control == "listeners":
                results += [
                    result(control, record.host, Outcome.PASSED, subject, observed=name)
                    for subject, name in (("tcp/22", "sshd"), ("tcp/9100", "node_exporter"))
                ]
            else:
                results.append(result(control, record.host, Outcome.PASSED))
    stamps = tuple(
        BaselineStamp(name, version, _sha(name))
        for name, version in (("linux-server", 4), ("web-server", 2), ("database-server", 3), ("muster-db", 7))
    )
    feeds = (
        FeedStamp("advisories debian-12", datetime(2026, 10, 31, 0, 12, tzinfo=UTC), _sha("debian")),
        FeedStamp("known-exploited", datetime(2026, 10, 28, tzinfo=UTC), _sha("kev")),
    )
    run = RunInfo("2026-10-31-0210", STARTED, FINISHED, "1.0.0", stamps, feeds)
    return RunReport(run, HOSTS, tuple(results))


def small() -> RunReport:
    """Two hosts with one result in each state: small enough to read its whole page."""
    whole = report()
    pick = [one for one in whole.results if one.host in ("db1", "web1")]
    shown = [
        next(one for one in pick if one.outcome is Outcome.FAILED and one.waiver is None),
        result(
            "any-any",
            "web1",
            Outcome.UNPROVEN,
            "",
            kind=UnprovenKind.DENIED,
            reason="`sudo nft -j list ruleset` was denied",
        ),
        next(one for one in pick if one.waiver is not None),
        next(one for one in pick if one.outcome is Outcome.PASSED),
        next(one for one in pick if one.outcome is Outcome.NOT_APPLICABLE),
    ]
    hosts = tuple(record for record in HOSTS if record.host in ("db1", "web1"))
    return RunReport(whole.run, hosts, tuple(shown))


def spotless() -> RunReport:
    """A run in which everything passed or does not apply."""
    whole = report()
    hosts = tuple(
        replace(record, status=Reach.COMPLETE, detail="") for record in HOSTS if record.status is not Reach.UNREACHABLE
    )
    good = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    return RunReport(whole.run, hosts, tuple(one for one in whole.results if one.outcome in good))


def empty() -> RunReport:
    """A run over no host at all."""
    return RunReport(RunInfo("2026-10-31-0211", STARTED, FINISHED, "1.0.0"), (), ())


if __name__ == "__main__":
    from secaudit.reports.technical import render

    Path(sys.argv[1]).write_bytes(render(report()))
