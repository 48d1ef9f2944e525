"""Archives as publishers make them: tar in gzip, bzip2, xz and Zstandard, read as they come and within bounds."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from secaudit.checks.patch.feeds import documents
from secaudit.checks.patch.feeds.importing import import_feeds
from secaudit.checks.patch.feeds.records import FeedError

from tests.checks.judging import AT

from .feeding import osv


def _zst(data: bytes) -> bytes:
    for module in ("compression.zstd", "backports.zstd"):
        try:
            return bytes(importlib.import_module(module).compress(data))
        except ImportError:
            continue
    pytest.skip("this Python has no Zstandard")


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zst,
}


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def record(number: int) -> tuple[str, bytes]:
    return f"osv/cve/DSA-{number}-1.json", json.dumps(osv(f"DSA-{number}-1", "jq", "2-1")).encode()


def imported(tmp_path: Path, name: str, data: bytes) -> int:
    path = tmp_path / name
    path.write_bytes(data)
    (part,) = import_feeds((path,), tmp_path / "feeds", AT)
    ranges: int = part.ranges
    return ranges


@pytest.mark.parametrize("packer", PACKERS)
def test_a_whole_archive_is_imported(tmp_path: Path, packer: str) -> None:
    members = [record(number) for number in range(300)]
    data = tar(("osv/README.md", b"# about"), *members, ("osv/index.txt", b"x"))
    assert imported(tmp_path, f"all.tar{packer}", PACKERS[packer](data)) == 300


@pytest.mark.parametrize(("short", "packer"), [(".tgz", ".gz"), (".txz", ".xz"), (".tbz2", ".bz2"), (".tzst", ".zst")])
def test_short_names_are_known(tmp_path: Path, short: str, packer: str) -> None:
    assert imported(tmp_path, f"all{short}", PACKERS[packer](tar(record(1)))) == 1


@pytest.mark.parametrize("packer", PACKERS)
def test_a_single_packed_file_and_two_streams_in_one(tmp_path: Path, packer: str) -> None:
    lines = [record(number)[1] + b"\n" for number in range(2)]
    assert imported(tmp_path, f"all.jsonl{packer}", b"".join(PACKERS[packer](line) for line in lines)) == 2


def test_packed_files_in_an_archive(tmp_path: Path) -> None:
    name, data = record(1)
    assert imported(tmp_path, "all.tar.xz", lzma.compress(tar((f"{name}.gz", gzip.compress(data))))) == 1


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_an_archive_that_breaks_off_is_refused(tmp_path: Path, packer: str, part: float) -> None:
    data = PACKERS[packer](tar(*(record(number) for number in range(300))))
    with pytest.raises(FeedError, match="damaged or incomplete"):
        imported(tmp_path, f"all.tar{packer}", data[: int(len(data) * part)])


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz", ".zst"])
def test_damage_is_refused(tmp_path: Path, packer: str) -> None:
    data = bytearray(PACKERS[packer](tar(*(record(number) for number in range(300)))))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(FeedError):
        imported(tmp_path, f"all.tar{packer}", bytes(data))
    with pytest.raises(FeedError, match="damaged or incomplete"):
        imported(tmp_path, f"b.tar{packer}", b"<html>no such page</html>")


@pytest.mark.parametrize("name", ["../DSA-1-1.json", "/etc/DSA-1-1.json", "a/../../DSA-1-1.json", "..\\DSA-1-1.json"])
def test_a_member_that_leaves_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeedError, match="leaves the archive"):
        imported(tmp_path, "all.tar", tar((name, record(1)[1])))


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("a.json", tarfile.SYMTYPE), ("b.json", tarfile.LNKTYPE), ("c.json", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(FeedError, match="holds no feed"):
        imported(tmp_path, "all.tar", out.getvalue())


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz", ".zst"])
def test_what_unpacks_to_more_than_a_feed_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packer: str
) -> None:
    monkeypatch.setattr(documents, "MAX_TOTAL", 1_000_000)
    data = tar(record(1), ("bomb.json", b" " * 50_000_000))
    with pytest.raises(FeedError, match="more than 0 MiB"):
        imported(tmp_path, f"all.tar{packer}", PACKERS[packer](data))


def test_xz_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1024 * 1024 * 1024}]
    packer = lzma.LZMACompressor(filters=filters)
    try:
        data = packer.compress(tar(record(1))) + packer.flush()
    except MemoryError:
        pytest.skip("this machine cannot pack so")
    with pytest.raises(FeedError, match=r"damaged or incomplete: .*[Mm]emory"):
        imported(tmp_path, "all.tar.xz", data)
