"""Importing: everything or nothing, half-filled feeds refused, files that prove what they are, bundles, updates."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request

import pytest
from click.testing import CliRunner
from secaudit.checks.host.facts import Package
from secaudit.checks.patch.commands import command
from secaudit.checks.patch.feeds.bundles import export_bundle, import_bundle
from secaudit.checks.patch.feeds.importing import import_feeds, locked, remove
from secaudit.checks.patch.feeds.index import read_index, read_part
from secaudit.checks.patch.feeds.lookup import AdvisorySource, ExploitedSource, ScoreSource
from secaudit.checks.patch.feeds.partition import PartWriter
from secaudit.checks.patch.feeds.records import FeedError
from secaudit.checks.patch.feeds.updating import Redirects, update
from secaudit.checks.patch.statements import StatementSource

from secaudit.api import Platform, Unproven, UnprovenKind
from secaudit.cli.laboratory import Laboratory
from secaudit.config.feeds import load_feed_sources
from secaudit.model.errors import UserError
from secaudit.model.signing import SigningKey
from tests.checks.judging import AT

from .feeding import feed, osv

DAY = timedelta(days=1)
BOOKWORM = Platform("debian", "12")
KEV = {
    "catalogVersion": "1",
    "dateReleased": "2026-11-20T00:00:00Z",
    "count": 1,
    "vulnerabilities": [
        {
            "cveID": "CVE-2026-1000",
            "dateAdded": "2026-11-01",
            "dueDate": "2026-11-22",
            "knownRansomwareCampaignUse": "Known",
        }
    ],
}


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.endswith(".lock")}


def kev(tmp_path: Path) -> Path:
    path = tmp_path / "kev.json"
    path.write_text(json.dumps(KEV))
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Feeds with ten advisories about bookworm, imported a day before `AT`."""
    records = [osv(f"DSA-{number}-1", "jq", f"1.{number}-1") for number in range(10)]
    import_feeds((feed(tmp_path, *records),), tmp_path / "feeds", AT - DAY, as_of=AT - DAY)
    return tmp_path / "feeds"


def test_a_part_per_release_named_by_what_is_in_it(tmp_path: Path) -> None:
    path = feed(tmp_path, osv("DSA-1-1", "jq", "1-1"), osv("DSA-2-1", "jq", "2-1", ecosystem="Debian:13"))
    parts = import_feeds((path, kev(tmp_path)), tmp_path / "feeds", AT)

    assert {part.name: (part.entries, part.ranges) for part in parts} == {
        "osv debian:12": (1, 1),
        "osv debian:13": (1, 1),
        "kev": (1, 0),
    }
    assert read_index(tmp_path / "feeds").parts == tuple(sorted(parts, key=lambda part: (part.feed, part.release)))
    for part in parts:
        assert hashlib.sha256((tmp_path / "feeds" / part.file).read_bytes()).hexdigest() == part.sha256
    assert {part.name: part.at for part in parts}["osv debian:12"] == datetime(2026, 11, 24, tzinfo=UTC)
    assert {part.name: part.at for part in parts}["kev"] == datetime(2026, 11, 20, tzinfo=UTC)


def test_files_of_one_command_are_one_feed(tmp_path: Path) -> None:
    main, community = tmp_path / "main.yaml", tmp_path / "community.yaml"
    for path, name in ((main, "jq"), (community, "zip")):
        fixes = f"[{{pkg: {{name: {name}, secfixes: {{1.0-r0: [CVE-2026-1000]}}}}}}]"
        path.write_text(f"distroversion: v3.20\npackages: {fixes}\n")
    (part,) = import_feeds((main, community), tmp_path / "feeds", datetime.now(UTC))

    assert (part.name, part.ranges) == ("alpine-secdb alpine:3.20", 2)


def test_an_advisory_in_the_files_of_two_releases_is_one(tmp_path: Path) -> None:
    both = osv("ALSA-2026:1", "jq", "1-1", ecosystem="AlmaLinux:8")
    paths = (feed(tmp_path, both, name="8.jsonl"), feed(tmp_path, both, name="9.jsonl"))
    (part,) = import_feeds(paths, tmp_path / "feeds", AT)
    assert part.ranges == 1

    other = feed(tmp_path, osv("ALSA-2026:1", "jq", "2-1", ecosystem="AlmaLinux:8"), name="9.jsonl")
    with pytest.raises(FeedError, match="was another one"):
        import_feeds((paths[0], other), tmp_path / "feeds", AT)


def _introduced_late(record: dict[str, Any]) -> dict[str, Any]:
    record["affected"][0]["ranges"][0]["events"][0] = {"introduced": "9-1"}
    return record


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([osv("DSA-1-1", "jq", "1-1"), osv("DSA-1-1", "zip", "1-1")], "DSA-1-1 comes twice"),
        ([_introduced_late(osv("DSA-1-1", "jq", "1-1"))], "fixed in '1-1', which is before '9-1'"),
        ([osv("DSA-1-1", "jq", "1-1", modified="2026-12-24T00:00:00Z")], "in the future"),
        ([osv("GHSA-1", "left-pad", "1", ecosystem="crates.io")], r"nothing in it .* \(1 other ecosystem\)"),
        ([osv(f"DSA-{number}-1", "jq", "1-1") for number in range(4)], "half-filled"),
        ([{"id": 1}], "no id|no feed has this form"),
    ],
)
def test_a_feed_that_is_refused_changes_nothing(
    directory: Path, tmp_path: Path, records: list[dict[str, Any]], message: str
) -> None:
    before = content(directory)
    with pytest.raises(FeedError, match=message):
        import_feeds((feed(tmp_path, *records),), directory, AT)
    assert content(directory) == before


def test_the_second_path_fails_and_the_first_is_not_kept(directory: Path, tmp_path: Path) -> None:
    before = content(directory)
    with pytest.raises(FeedError, match="no such file"):
        import_feeds((kev(tmp_path), tmp_path / "gone.zip"), directory, AT)
    assert content(directory) == before


def test_a_smaller_feed_is_taken_when_that_is_said_to_be_right(directory: Path, tmp_path: Path) -> None:
    (part,) = import_feeds((feed(tmp_path, osv("DSA-1-1", "jq", "1-1")),), directory, AT, shrink=True)
    assert part.ranges == 1


def test_a_date_in_the_future_is_refused_wherever_it_comes_from(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="future"):
        import_feeds((kev(tmp_path),), directory, AT, as_of=AT + 3 * DAY)


def test_a_full_disk_changes_nothing(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: PartWriter, before: Path | None) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    before = content(directory)
    monkeypatch.setattr(PartWriter, "finish", full)
    with pytest.raises(FeedError, match="disk is full"):
        import_feeds((kev(tmp_path),), directory, AT)
    assert content(directory) == before


def test_a_feed_is_taken_out_of_use(directory: Path, tmp_path: Path) -> None:
    import_feeds((kev(tmp_path),), directory, AT)
    with pytest.raises(FeedError, match="has no feed osv debian:99"):
        remove(directory, ["kev", "osv debian:99"])
    ran = CliRunner().invoke(command, ["remove", "osv debian:12", "--feeds", str(directory)], standalone_mode=False)

    assert ran.return_value == 0
    assert [part.name for part in read_index(directory).parts] == ["kev"]


def test_two_imports_at_once_do_not_mix(directory: Path, tmp_path: Path) -> None:
    with locked(directory), pytest.raises(FeedError, match="another import is running"):
        import_feeds((kev(tmp_path),), directory, AT)


def test_a_run_keeps_the_data_that_it_opened(directory: Path, tmp_path: Path) -> None:
    source = AdvisorySource(directory)
    records = [osv(f"DSA-{number}-1", "zip", "9-1") for number in range(10)]
    import_feeds((feed(tmp_path, *records),), directory, AT)

    assert source.load(BOOKWORM).names == {"jq"}
    assert AdvisorySource(directory).load(BOOKWORM).names == {"zip"}

    import_feeds((feed(tmp_path, *records[:9]),), directory, AT)
    assert len(list(directory.glob("*.sqlite"))) == 2, "what no run can have opened is gone"
    with pytest.raises(Unproven, match="replaced by a later import"):
        source.load(BOOKWORM)


def test_the_first_sighting_of_a_fix_without_a_date_is_kept(tmp_path: Path) -> None:
    directory = tmp_path / "feeds"
    flaw = osv("DEBIAN-CVE-2026-1000", "jq", "2-1", upstream=["CVE-2026-1000"])
    import_feeds((feed(tmp_path, flaw),), directory, AT - 30 * DAY, as_of=AT - 30 * DAY)
    fresh = osv("DEBIAN-CVE-2026-1001", "jq", "3-1", upstream=["CVE-2026-1001"])
    import_feeds((feed(tmp_path, flaw, fresh),), directory, AT)
    standing = AdvisorySource(directory).load(BOOKWORM).standing("jq", "1-1")
    assert standing is not None
    flaws = standing.flaws

    assert {found.id: found.seen for found in flaws} == {flaw["id"]: AT - 30 * DAY, fresh["id"]: AT}


@pytest.mark.parametrize("platform", [Platform("debian", "13"), Platform("beos", "5"), Platform("debian", ""), None])
def test_without_advisories_about_its_release_nothing_is_said(directory: Path, platform: Platform | None) -> None:
    with pytest.raises(Unproven) as unproven:
        AdvisorySource(directory).load(platform)
    assert unproven.value.kind is UnprovenKind.STALE


def test_damage_is_noticed(directory: Path) -> None:
    (part,) = read_index(directory).parts
    path = directory / part.file
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unproven, match="is damaged"):
        AdvisorySource(directory).load(BOOKWORM)
    with pytest.raises(FeedError, match="is damaged"):
        read_part(directory, part)

    (directory / "feeds.json").write_text('{"schema": "secaudit.feeds/2", "parts": []}')
    with pytest.raises(Unproven, match=r"feeds\.json"):
        AdvisorySource(directory)


def test_catalogues_are_there_for_every_platform(tmp_path: Path) -> None:
    scores = tmp_path / "epss.csv"
    scores.write_text("cve,epss,percentile\nCVE-2026-1000,0.5,0.97\n")
    import_feeds((kev(tmp_path), scores), tmp_path / "feeds", datetime.now(UTC))
    exploited = ExploitedSource(tmp_path / "feeds")

    assert exploited.load(BOOKWORM) is exploited.load(None)
    assert exploited.load(None).entries["CVE-2026-1000"].ransomware
    assert [stamp.name for stamp in exploited.stamps] == ["kev"]
    assert ScoreSource(tmp_path / "feeds").load(None).score("CVE-2026-1000") == 0.5
    assert ScoreSource(tmp_path / "feeds").load(None).score("CVE-2026-1001") is None
    with pytest.raises(Unproven, match="no KEV feed"):
        ExploitedSource(tmp_path).load(None)


def test_data_that_were_opened_cannot_be_written(directory: Path) -> None:
    advisories = AdvisorySource(directory).load(BOOKWORM)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        advisories._connections[0].execute("DELETE FROM affected")


# --- bundles -----------------------------------------------------------------------------------------------------


def test_a_bundle_carries_everything(directory: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "all.feeds.tar"
    import_feeds((kev(tmp_path),), directory, AT)
    assert export_bundle(directory, bundle) == 2
    import_bundle(bundle, tmp_path / "there", AT)

    assert read_index(tmp_path / "there") == read_index(directory)
    assert AdvisorySource(tmp_path / "there").load(BOOKWORM).names == {"jq"}


def test_a_bundle_that_was_changed_is_refused(directory: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "all.feeds.tar"
    export_bundle(directory, bundle)
    (part,) = read_index(directory).parts
    original = bundle.read_bytes()
    at = original.index(b"SQLite format 3")
    variants = {
        "its sha256 is another": original[:at] + b"sqlite" + original[at + 6 :],
        "not a bundle": b"\0" * 1024,
        "damaged or incomplete|is another|not in it": original[: at + 600],
    }
    for message, data in variants.items():
        bundle.write_bytes(data)
        with pytest.raises(FeedError, match=message):
            import_bundle(bundle, tmp_path / "there", AT)
    assert read_index(tmp_path / "there").parts == ()

    with tarfile.open(bundle, "w") as archive:
        archive.add(directory / "feeds.json", "feeds.json")
    with pytest.raises(FeedError, match=f"{part.file} is not in it"):
        import_bundle(bundle, tmp_path / "there", AT)
    bundle.write_bytes(original)
    with pytest.raises(FeedError, match="in the future"):
        import_bundle(bundle, tmp_path / "there", AT - 9 * DAY)


def test_a_signed_bundle_is_taken_from_trusted_keys_only(directory: Path, tmp_path: Path) -> None:
    ours, theirs = SigningKey.new(), SigningKey.new()
    signed, plain, forged = (tmp_path / f"{name}.feeds.tar" for name in ("signed", "plain", "forged"))
    export_bundle(directory, signed, ours)
    export_bundle(directory, plain)
    there = tmp_path / "there"
    import_feeds((kev(tmp_path),), there, AT)
    before = content(there)
    with tarfile.open(signed) as bundle, tarfile.open(forged, "w") as out:
        for member in bundle:
            stream = bundle.extractfile(member)
            assert stream is not None
            data = stream.read()
            if member.name == "feeds.json":
                data = data.replace(b'"entries": 10', b'"entries": 11')
                member.size = len(data)
            out.addfile(member, io.BytesIO(data))

    refusals = {
        plain: (ours, "nobody signed this bundle"),
        signed: (theirs, "no trusted key signed this"),
        forged: (ours, "what was signed is another index"),
    }
    for bundle_file, (key, message) in refusals.items():
        with pytest.raises(UserError, match=message):
            import_bundle(bundle_file, there, AT, [key.public])
        assert content(there) == before

    import_bundle(signed, there, AT, [theirs.public, ours.public])
    assert AdvisorySource(there).load(BOOKWORM).names == {"jq"}


def test_a_changed_part_of_a_signed_bundle_is_refused(directory: Path, tmp_path: Path) -> None:
    key, bundle = SigningKey.new(), tmp_path / "all.feeds.tar"
    export_bundle(directory, bundle, key)
    data = bundle.read_bytes()
    at = data.index(b"DSA-3-1")
    bundle.write_bytes(data[:at] + b"DSA-4-1" + data[at + 7 :])
    with pytest.raises(FeedError, match="its sha256 is another"):
        import_bundle(bundle, tmp_path / "there", AT, [key.public])
    assert read_index(tmp_path / "there").parts == ()


# --- updates -----------------------------------------------------------------------------------------------------


class _Publisher(BaseHTTPRequestHandler):
    """Publishes what `files` says; `asked` remembers the conditions of each request."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str | None]] = []
    cut = False

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("If-None-Match"))
        data = self.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        etag = hashlib.sha256(data).hexdigest()[:8]
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:20] if self.cut else data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback; gives its address."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _Publisher.files, _Publisher.asked, _Publisher.cut = {}, [], False
    with ThreadingHTTPServer(("127.0.0.1", 0), _Publisher) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def sources(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    return path


def test_a_feed_is_fetched_when_it_changed_and_confirmed_when_not(publisher: str, tmp_path: Path) -> None:
    directory = tmp_path / "feeds"
    _Publisher.files["/tracker/data/json"] = json.dumps(KEV).encode()
    wanted = load_feed_sources(sources(tmp_path, f"feeds: [{{url: '{publisher}/tracker/data/json', name: kev.json}}]"))
    now = datetime.now(UTC)
    (first,) = update(wanted, directory, now)
    (second,) = update(wanted, directory, now + DAY)

    assert (first.text.endswith("kev"), second.text.endswith("not changed")) == (True, True)
    assert _Publisher.asked[0] is None
    assert _Publisher.asked[1]
    (part,) = read_index(directory).parts
    assert (part.at, part.imported) == (now + DAY, now)


def test_two_addresses_of_one_feed_are_both_there(publisher: str, tmp_path: Path) -> None:
    for name in ("main", "community"):
        fixes = f"[{{pkg: {{name: {name}, secfixes: {{1.0-r0: [CVE-2026-1000]}}}}}}]"
        _Publisher.files[f"/v3.20/{name}.yaml"] = f"distroversion: v3.20\npackages: {fixes}\n".encode()
    addresses = ", ".join(f"{{url: '{publisher}{path}'}}" for path in _Publisher.files)
    wanted = load_feed_sources(sources(tmp_path, f"feeds: [{addresses}]"))
    directory, now = tmp_path / "feeds", datetime.now(UTC)
    for day in range(2):
        outcomes = list(update(wanted, directory, now + day * DAY))
        assert not any(one.failed for one in outcomes)
        (part,) = read_index(directory).parts
        assert (part.ranges, [one.name for one in part.sources]) == (2, sorted(one.url for one in wanted.feeds))
    assert part.at == now + DAY

    remove(directory, [wanted.feeds[0].url])
    (first, second) = update(wanted, directory, now + DAY)
    assert first.text.endswith("alpine-secdb alpine:3.20"), "what is not here any more is fetched, changed or not"
    assert second.text.endswith("not changed")
    assert read_index(directory).parts[0].ranges == 2


def test_statements_that_are_fetched_end_when_the_sources_say(publisher: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    vex = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "author": "Anna",
        "timestamp": (now - DAY).isoformat(),
        "statements": [
            {
                "vulnerability": "CVE-2026-1000",
                "products": ["pkg:deb/debian/openssl"],
                "status": "not_affected",
                "impact_statement": "not used",
            }
        ],
    }
    _Publisher.files["/vex.json"] = json.dumps(vex).encode()
    directory = tmp_path / "feeds"
    for days in (10, 20):
        last = (now + days * DAY).date()
        wanted = load_feed_sources(sources(tmp_path, f"feeds: [{{url: '{publisher}/vex.json', expires: {last}}}]"))
        (outcome,) = update(wanted, directory, now)
        assert outcome.text.endswith("vex"), "another end takes effect even when the document is the same"
        (stated,) = (
            StatementSource(directory)
            .load(Platform("debian", "12"))
            .about(Package("openssl", "3.0.1-1", "amd64", "openssl", "3.0.1-1"))
        )
        assert stated.expires == last
    over = load_feed_sources(sources(tmp_path, f"feeds: [{{url: '{publisher}/vex.json', expires: 2020-01-01}}]"))
    (outcome,) = update(over, directory, now)
    assert outcome.failed
    assert "2020-01-01 is over" in outcome.text


def test_trouble_with_one_feed_leaves_the_others(publisher: str, tmp_path: Path) -> None:
    _Publisher.files = {"/kev.json": json.dumps(KEV).encode(), "/bad.json": b"<html>"}
    text = f"""
feeds:
- {{url: "{publisher}/gone.json"}}
- {{url: "{publisher}/bad.json"}}
- {{url: "{publisher}/kev.json", sha256: "{"0" * 64}"}}
- {{url: "http://127.0.0.1:1/kev.json"}}
- {{url: "{publisher}/kev.json"}}
"""
    ran = CliRunner().invoke(
        command,
        ["update", "--sources", str(sources(tmp_path, text)), "--feeds", str(tmp_path / "feeds")],
        obj=Laboratory(),
        standalone_mode=False,
    )
    assert ran.return_value == 3
    for message in ("answers 404", "not JSON|expected an object", "has the sha256", "could not be fetched", "kev"):
        assert any(word in ran.output for word in message.split("|")), message
    assert [part.name for part in read_index(tmp_path / "feeds").parts] == ["kev"]


def test_half_a_download_is_refused(publisher: str, tmp_path: Path) -> None:
    _Publisher.files["/kev.json"] = json.dumps(KEV).encode()
    _Publisher.cut = True
    wanted = load_feed_sources(sources(tmp_path, f"feeds: [{{url: '{publisher}/kev.json'}}]"))
    (outcome,) = update(wanted, tmp_path / "feeds", datetime.now(UTC))

    assert outcome.failed
    assert read_index(tmp_path / "feeds").parts == ()


def test_what_may_be_secret_in_an_address_is_not_told(publisher: str, tmp_path: Path) -> None:
    _Publisher.files = {"/kev.json": json.dumps(KEV).encode()}
    text = f"feeds: [{{url: '{publisher}/kev.json?token=hush'}}, {{url: '{publisher}/gone.json?token=hush'}}]"
    told = [outcome.text for outcome in update(load_feed_sources(sources(tmp_path, text)), tmp_path / "f", AT)]
    assert [text.split(": ")[0] for text in told] == [f"{publisher}/kev.json", f"{publisher}/gone.json"]
    assert "hush" not in "".join(told)


@pytest.mark.parametrize(
    ("at", "to", "followed"),
    [
        ("https://a.example/x", "https://b.example/x", True),
        ("http://127.0.0.1/x", "http://127.0.0.1/y", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "ftp://a.example/x", False),
    ],
)
def test_a_redirect_never_gives_up_tls(at: str, to: str, followed: bool) -> None:
    asked = Request(at)
    given = (io.BytesIO(), 302, "Found", HTTPMessage(), to)
    if followed:
        request = Redirects().redirect_request(asked, *given)
        assert request is not None
        assert request.full_url == to
    else:
        with pytest.raises(FeedError, match="without TLS"):
            Redirects().redirect_request(asked, *given)


@pytest.mark.parametrize(
    ("host", "folder"), [("feeds.example", "feeds.example"), ("exämple.example", "xn--exmple-cua.example")]
)
def test_a_mirror_has_the_addresses_below_their_host(publisher: str, tmp_path: Path, host: str, folder: str) -> None:
    _Publisher.files[f"/mirror/{folder}/kev.json"] = json.dumps(KEV).encode()
    text = f"mirror: {publisher}/mirror/\nfeeds: [{{url: 'https://{host}/kev.json'}}]"
    (outcome,) = update(load_feed_sources(sources(tmp_path, text)), tmp_path / "feeds", datetime.now(UTC))
    assert not outcome.failed, outcome.text


# --- commands ----------------------------------------------------------------------------------------------------


def test_the_commands_say_what_is_there(tmp_path: Path) -> None:
    place = ["--feeds", str(tmp_path / "feeds")]
    runner = CliRunner()
    assert "no feed was imported" in runner.invoke(command, ["info", *place], standalone_mode=False).output
    ran = runner.invoke(command, ["import", str(kev(tmp_path)), *place], standalone_mode=False)
    assert ran.return_value == 0
    shown = runner.invoke(command, ["info", *place], standalone_mode=False).output
    assert shown.startswith("FEED")
    assert "kev" in shown
    bundle = tmp_path / "all.feeds.tar"
    assert runner.invoke(command, ["export", str(bundle), *place], standalone_mode=False).return_value == 0
    taken = runner.invoke(command, ["import", str(bundle), "--feeds", str(tmp_path / "x")], standalone_mode=False)
    assert taken.return_value == 0
    refused = runner.invoke(command, ["import", str(bundle), str(bundle), *place], standalone_mode=False)
    assert isinstance(refused.exception, FeedError)
    public = SigningKey.new().write(tmp_path / "key")
    signing = ["export", str(bundle), "--sign", str(tmp_path / "key"), *place]
    assert runner.invoke(command, signing, standalone_mode=False).return_value == 0
    verified = ["import", "--trusted-key", str(public), "--feeds", str(tmp_path / "y")]
    assert runner.invoke(command, [*verified, str(bundle)], standalone_mode=False).return_value == 0
    refused = runner.invoke(command, [*verified, str(kev(tmp_path))], standalone_mode=False)
    assert isinstance(refused.exception, FeedError)
