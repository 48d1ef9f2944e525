"""What advisories cost: importing a million ranges; holding hosts of 3,000 packages against a release of 400,000."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from secaudit.checks.host.facts import Package, Packages
from secaudit.checks.patch.exposure import expose
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.lookup import Advisories, AdvisorySource

from benchmarks.measure import run
from benchmarks.peers.package_versions import PEERS, fixed_versions, match
from benchmarks.report import Bar, table
from secaudit.api import Evidence, Platform

NAMES = 30_000
"""Source packages of a release: about as many as Debian has."""
PACKAGES = 3_000
HOSTS = 200
RELEASES = 8
SEED = 20261124


def measure() -> tuple[str, list[Bar]]:
    """Import in a process of its own, then judge the same hosts twice in this one; bars are CPU seconds."""
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        feed = folder / "feed.jsonl"
        ranges = _write_feed(feed, advisories=125_000, releases=RELEASES)
        program = [str(Path(sys.executable).with_name("secaudit")), "feed", "import"]
        imported = run([*program, str(feed), "--feeds", str(folder / "all")])
        half = folder / "half.jsonl"
        _write_feed(half, advisories=62_500, releases=RELEASES)
        part = run([*program, str(half), "--feeds", str(folder / "part")])
        known, loading = _load(folder)
        hosts = list(_hosts())
        first, alone = _judge(hosts[:1], known)
        peers, otherwise = _peers(folder / "release.jsonl", hosts[0], known)
    _, cold = _judge(hosts[1:], known)
    found, warm = _judge(hosts, known)
    rows = [
        ["import of 500,000 ranges", f"{part.cpu:.1f} s", f"{part.peak:.0f} MiB"],
        [f"import of {ranges:,} ranges", f"{imported.cpu:.1f} s", f"{imported.peak:.0f} MiB"],
        ["opening a release of 400,000 ranges", f"{loading * 1000:.0f} ms", ""],
        ["the first host", f"{alone * 1000:.1f} ms", f"{first} source packages exposed"],
        *([f"the same host, versions of {name}", f"{cpu * 1000:.0f} ms", ""] for name, cpu in peers.items()),
        ["hosts of which 90 % of the versions repeat", f"{(HOSTS - 1) / cold:.0f} hosts/s", ""],
        ["the same hosts again", f"{HOSTS / warm:.0f} hosts/s", f"{found / HOSTS:.0f} source packages exposed"],
    ]
    bars = [
        Bar("exit code of the import", float(imported.exit), 0, "", at_least=False),
        Bar("CPU of importing 1,000,000 ranges", imported.cpu, 20, "s", at_least=False),
        Bar("memory of importing 1,000,000 ranges", imported.peak, 300, "MiB", at_least=False),
        Bar("CPU of twice as many ranges", imported.cpu / part.cpu, 2.5, "times", at_least=False),
        Bar("one host", alone * 1000, 50, "ms", at_least=False),
        Bar("packages of it that univers and python-debian judge otherwise", float(otherwise), 0, "", at_least=False),
        Bar("one host, times quicker than the quicker of both", min(peers.values()) / alone, 2, "times", at_least=True),
        Bar("hosts the first time", (HOSTS - 1) / cold, 100, "hosts/s", at_least=True),
        Bar("hosts whose packages repeat", HOSTS / warm, 1000, "hosts/s", at_least=True),
    ]
    return table("Advisories (3,000 packages per host)", ["what", "CPU", ""], rows), bars


def _peers(feed: Path, host: Packages, known: Advisories) -> tuple[dict[str, float], int]:
    """CPU seconds of each peer for one host, and how many packages they judge otherwise than we do."""
    ours = {exposed.source for exposed in expose(host, known).exposed}
    installed = {package.source: package.source_version for package in host.packages}
    fixes = fixed_versions(feed, installed)
    matched = {name: match(installed, fixes, version) for name, version in PEERS.items()}
    return {name: cpu for name, (_, cpu) in matched.items()}, sum(len(ours ^ found) for found, _ in matched.values())


def _write_feed(path: Path, advisories: int, releases: int) -> int:
    """Advisories about one package each, in every release; returns the number of ranges."""
    rng = random.Random(SEED)
    with path.open("w", encoding="utf-8") as out:
        for number in range(advisories):
            package = f"package-{rng.randrange(NAMES)}"
            affected = [
                {
                    "package": {"ecosystem": f"Debian:{10 + release}", "name": package},
                    "ranges": [
                        {
                            "type": "ECOSYSTEM",
                            "events": [{"introduced": "0"}, {"fixed": _version(rng, f"+deb1{release}u1")}],
                        }
                    ],
                }
                for release in range(releases)
            ]
            record = {
                "schema_version": "1.7.0",
                "id": f"DSA-{number}-1",
                "published": "2026-11-20T00:00:00Z",
                "modified": "2026-11-20T00:00:00Z",
                "upstream": [f"CVE-2026-{number:05}"],
                "affected": affected,
            }
            out.write(f"{json.dumps(record)}\n")
    return advisories * releases


def _version(rng: random.Random, tail: str = "") -> str:
    return f"{rng.randrange(1, 4)}.{rng.randrange(20)}.{rng.randrange(20)}-{rng.randrange(1, 6)}{tail}"


def _load(folder: Path) -> tuple[Advisories, float]:
    """A release of 400,000 ranges, and the CPU seconds that opening it took."""
    feed = folder / "release.jsonl"
    _write_feed(feed, advisories=400_000, releases=1)
    import_feeds((feed,), folder / "release", datetime(2026, 11, 24, tzinfo=UTC))
    begun = time.process_time()
    known = AdvisorySource(folder / "release").load(Platform("debian", "10"))
    return known, time.process_time() - begun


def _hosts() -> Iterator[Packages]:
    """Hosts that are mostly up to date and mostly alike: a tenth of their packages has a version of its own."""
    rng = random.Random(SEED)
    names = rng.sample(range(NAMES), PACKAGES)
    usual = {name: f"9.{rng.randrange(20)}-1" if rng.random() < 0.95 else _version(rng) for name in names}
    for _ in range(HOSTS):
        versions = {
            name: version if rng.random() < 0.9 else f"9.{rng.randrange(99)}-2" for name, version in usual.items()
        }
        packages = tuple(
            Package(f"package-{name}", version, "amd64", f"package-{name}", version)
            for name, version in versions.items()
        )
        yield Packages("dpkg", packages, Evidence("benchmark", 0, None, ""))


def _judge(hosts: Sequence[Packages], known: Advisories) -> tuple[int, float]:
    """How many source packages are exposed, and the CPU seconds that finding them took."""
    begun = time.process_time()
    found = sum(len(expose(host, known).exposed) for host in hosts)
    return found, time.process_time() - begun
