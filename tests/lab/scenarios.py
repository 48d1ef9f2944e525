"""What can be wrong with a host: a hardened one, and named faults that each change one thing about it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.lab.backups import BORG, PASSWORD, RESTIC, repository
from tests.lab.draft import SSHD, Draft, Finding, listener
from tests.lab.errors import LabError

DATASET = "shop"
DUMPS = f"/var/backups/{DATASET}"
RESTIC_REPOSITORY, RESTIC_PASSWORD = "/srv/restic", "/etc/restic/password"
BORG_REPOSITORY, BORG_PASSPHRASE = "/srv/borg", "/etc/borg/passphrase"

_SSHD = """\
PermitRootLogin no
PasswordAuthentication no
UsePAM no
UseDNS no
MaxStartups 1000
MaxSessions 64
"""

_NFTABLES = """\
table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tct state invalid drop
\t\tiif "lo" accept
\t\ticmp type echo-request accept
\t\ticmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
\t\ttcp dport { 22, 443 } accept
\t\tmeta l4proto tcp reject with tcp reset
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
\tchain output {
\t\ttype filter hook output priority filter; policy accept;
\t}
}
"""

_SILENT = _NFTABLES.replace("\t\tmeta l4proto tcp reject with tcp reset\n", "")

_IPTABLES_OPEN = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
"""

_EVIL = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u2066<script>alert(1)</script>"


def hardened(name: str, root: Path, now: datetime) -> Draft:
    """A host that fails nothing.

    The firewall refuses what is not asked for in both families, sshd and one web service listen, package lists are
    fresh and no update is pending, last night's database dump and restic snapshot are there.
    """
    draft = Draft(name, root, now, nftables=_NFTABLES, services=[SSHD, listener(443)])
    draft.write("/etc/hostname", f"{name}\n")
    draft.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n")
    draft.write("/etc/ssh/sshd_config.d/hardened.conf", _SSHD)
    _date_lists(draft, now)
    for days in range(3):
        _dump(draft, age=timedelta(days=days, hours=3))
    _restic(draft, timedelta(hours=5))
    return draft


def _date_lists(draft: Draft, at: datetime) -> None:
    folder = "/var/lib/apt/lists"
    for file in draft.path(folder).iterdir():
        draft.touch(f"{folder}/{file.name}", at)
    draft.touch(folder, at)


def _dump(draft: Draft, *, age: timedelta, content: bytes | None = None) -> None:
    at = draft.now - age
    rows = "".join(f"INSERT INTO orders VALUES ({number}, '{at:%Y-%m-%d}');\n" for number in range(2000))
    dump = gzip.compress(rows.encode(), mtime=0) if content is None else content
    draft.write(f"{DUMPS}/{DATASET}-{at:%Y-%m-%d}.sql.gz", dump, mode=0o640, at=at)


def _restic(draft: Draft, age: timedelta) -> None:
    draft.copy(repository(RESTIC, age), RESTIC_REPOSITORY)
    draft.write(RESTIC_PASSWORD, f"{PASSWORD}\n", mode=0o600)


Plant = Callable[[Draft], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named kind of host. `plant` changes the draft of a hardened host and returns what an audit has to find."""

    name: str
    description: str
    plant: Plant


SCENARIOS: dict[str, Scenario] = {}
"""All scenarios by name, in the order in which they are defined below."""


def _scenario(plant: Plant) -> Plant:
    name = plant.__name__.replace("_", "-")
    SCENARIOS[name] = Scenario(name, (plant.__doc__ or "").strip(), plant)
    return plant


@_scenario
def clean(draft: Draft) -> Iterable[Finding]:
    """A hardened host."""
    return ()


@_scenario
def silent(draft: Draft) -> Iterable[Finding]:
    """A hardened host that drops what it does not accept without a word, which makes port scans slow."""
    draft.nftables = _SILENT
    return ()


@_scenario
def extra_listener(draft: Draft) -> Iterable[Finding]:
    """A service that nobody ordered listens on tcp/8080, and the firewall lets it through."""
    draft.services.append(listener(8080))
    draft.nftables = _NFTABLES.replace("22, 443", "22, 443, 8080")
    return Finding("network.open-ports", "tcp/8080"), Finding("network.listening-services", "tcp/8080")


def _open_by_default(hook: str) -> tuple[Finding, Finding]:
    return Finding("firewall.default-policy", f"{hook} ipv4"), Finding("firewall.default-policy", f"{hook} ipv6")


@_scenario
def firewall_accept(draft: Draft) -> Iterable[Finding]:
    """The input chain accepts what no rule matches."""
    draft.nftables = _NFTABLES.replace(
        "hook input priority filter; policy drop", "hook input priority filter; policy accept"
    )
    return _open_by_default("input")


@_scenario
def firewall_any_any(draft: Draft) -> Iterable[Finding]:
    """A rule that accepts everything stands before the others."""
    draft.nftables = _NFTABLES.replace("\t\tct state established", "\t\taccept\n\t\tct state established", 1)
    return Finding("firewall.any-any", "inet filter input: accept"), *_open_by_default("input")


@_scenario
def firewall_none(draft: Draft) -> Iterable[Finding]:
    """No firewall at all."""
    draft.nftables = None
    return Finding("firewall.missing", "input"), *_open_by_default("input"), *_open_by_default("forward")


@_scenario
def ipv6_unfiltered(draft: Draft) -> Iterable[Finding]:
    """The firewall filters IPv4 and forgets IPv6."""
    rules = _NFTABLES.replace("table inet", "table ip")
    draft.nftables = "".join(line for line in rules.splitlines(keepends=True) if "icmpv6" not in line)
    ipv6 = (Finding("firewall.default-policy", f"{hook} ipv6") for hook in ("input", "forward"))
    return Finding("firewall.ipv6-unfiltered", "input ipv6"), *ipv6


@_scenario
def iptables_accept(draft: Draft) -> Iterable[Finding]:
    """Rules loaded by iptables and ip6tables whose input policy is ACCEPT, and no nftables ruleset."""
    draft.nftables = None
    draft.iptables = draft.ip6tables = _IPTABLES_OPEN
    return _open_by_default("input")


@_scenario
def pending_security(draft: Draft) -> Iterable[Finding]:
    """One package is installed in a version just below the one that the security suite has."""
    status = "/var/lib/dpkg/status"
    stanzas = draft.read(status).split("\n\n")
    sources = [_source(stanza) for stanza in stanzas]
    offered = _offered_as_security(draft)
    for index, (stanza, source) in enumerate(zip(stanzas, sources, strict=True)):
        version = _field(stanza, "Version")
        if sources.count(source) == 1 and (_field(stanza, "Package"), version) in offered:
            # A tilde sorts before the end of a version (deb-version(7)).
            stanzas[index] = stanza.replace(f"\nVersion: {version}", f"\nVersion: {version}~")
            draft.write(status, "\n\n".join(stanzas))
            return (Finding("patch.pending-security", source),)
    raise LabError("no installed package that is its source's only one comes from the security suite")


def _offered_as_security(draft: Draft) -> set[tuple[str, str]]:
    files = draft.path("/var/lib/apt/lists").glob("*-security_*_Packages")
    stanzas = [stanza for file in files for stanza in file.read_text().split("\n\n")]
    return {(_field(stanza, "Package"), _field(stanza, "Version")) for stanza in stanzas}


def _field(stanza: str, name: str) -> str:
    found = re.search(rf"^{name}: (\S+)", stanza, re.MULTILINE)
    return found[1] if found else ""


def _source(stanza: str) -> str:
    return _field(stanza, "Source") or _field(stanza, "Package")


@_scenario
def stale_lists(draft: Draft) -> Iterable[Finding]:
    """Nobody has run `apt-get update` for ten days."""
    _date_lists(draft, draft.now - timedelta(days=10))
    return (Finding("patch.lists-stale"),)


@_scenario
def reboot_required(draft: Draft) -> Iterable[Finding]:
    """An update has been waiting for a restart for ten days."""
    draft.write("/run/reboot-required", "*** System restart required ***\n", at=draft.now - timedelta(days=10))
    draft.write("/run/reboot-required.pkgs", "linux-image-amd64\nlibc6\n")
    return (Finding("patch.reboot-required"),)


@_scenario
def end_of_life(draft: Draft) -> Iterable[Finding]:
    """A release that nobody supports any more (Debian 10, by its os-release)."""
    draft.write(
        "/usr/lib/os-release",
        'PRETTY_NAME="Debian GNU/Linux 10 (buster)"\nNAME="Debian GNU/Linux"\nVERSION_ID="10"\n'
        'VERSION="10 (buster)"\nVERSION_CODENAME=buster\nID=debian\n',
    )
    return (Finding("patch.end-of-life"),)


@_scenario
def stale_backup(draft: Draft) -> Iterable[Finding]:
    """The newest database dump is five days old."""
    for file in draft.path(DUMPS).iterdir():
        file.unlink()
    for days in (5, 6, 7):
        _dump(draft, age=timedelta(days=days))
    return (Finding("backup.file-freshness", DATASET),)


@_scenario
def tiny_backup(draft: Draft) -> Iterable[Finding]:
    """Last night's database dump is an empty file."""
    _dump(draft, age=timedelta(hours=3), content=b"")
    return (Finding("backup.file-freshness", DATASET),)


@_scenario
def stale_restic(draft: Draft) -> Iterable[Finding]:
    """The newest restic snapshot is nine days old."""
    _restic(draft, timedelta(days=9))
    return (Finding("backup.restic-freshness", DATASET),)


@_scenario
def stale_borg(draft: Draft) -> Iterable[Finding]:
    """A borg repository whose newest archive is nine days old."""
    draft.copy(repository(BORG, timedelta(days=9)), BORG_REPOSITORY)
    draft.write(BORG_PASSPHRASE, f"{PASSWORD}\n", mode=0o600)
    # As after any backup: borg keeps a cache and notes about the repository in root's home.
    job = f"BORG_PASSCOMMAND='cat {BORG_PASSPHRASE}' BORG_RELOCATED_REPO_ACCESS_IS_OK=yes borg list {BORG_REPOSITORY}"
    draft.commands.append(f"HOME=/root {job} </dev/null >/var/log/backup.log 2>&1")
    return (Finding("backup.borg-freshness", DATASET),)


@_scenario
def clock_skew(draft: Draft) -> Iterable[Finding]:
    """The clock is ten minutes ahead for every program of the host, through libfaketime."""
    library = next(draft.path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    draft.write("/etc/faketimerc", "+600s\n")
    draft.write("/etc/ld.so.preload", f"/{library.relative_to(draft.root)}\n")
    return (Finding("host.clock-skew"),)


@_scenario
def hanging(draft: Draft) -> Iterable[Finding]:
    """Something accepts connections to the SSH port and never says a word."""
    draft.services[:] = [listener(22), listener(443)]
    return ()


@_scenario
def slow_command(draft: Draft) -> Iterable[Finding]:
    """dpkg-query does not come to an end."""
    draft.write("/usr/bin/dpkg-query", "#!/bin/sh\nexec sleep 3600\n", mode=0o755)
    return ()


@_scenario
def hostile(draft: Draft) -> Iterable[Finding]:
    """Banner, message of the day, shell start-up files and names of files try to be taken for something else."""
    draft.write("/etc/issue.net", f"{_EVIL}\n")
    draft.write("/etc/ssh/sshd_config.d/banner.conf", "Banner /etc/issue.net\n")
    draft.write("/etc/motd", f"{_EVIL}\n")
    noise = f"printf '%s\\n' '{_EVIL}'\nprintf '%s\\n' '{_EVIL}' >&2\n"
    draft.write("/home/audit/.bashrc", noise)
    draft.write("/home/audit/.profile", noise)
    for name in (_EVIL.replace("/", "\\"), "new\nline", "-rf", "$(id)", "tab\there"):
        draft.write(f"{DUMPS}/{name}", b"x" * 4096, at=draft.now - timedelta(days=1))
    return ()
