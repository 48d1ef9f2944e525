"""What a customer keeps: a store of three runs, a signed report with its data, and a signed bundle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from secaudit.cli.main import run
from secaudit.cli.signing import sign_files
from secaudit.store import open_store
from secaudit.transcript import BundleWriter
from tests.store.scenes import DB, OTHER, START, WEB, a_result, a_run, record, scan, waived
from tests.transcript import test_bundle as bundles


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; `place` is a copy."""
    root = tmp_path_factory.mktemp("kept")
    key = root / "audit.key"
    assert run(["keys", "new", str(key)]) == 0
    assert run(["keys", "new", str(root / "other.key")]) == 0
    with open_store(str(root / "store.sqlite")) as store:
        scan(store, 0, WEB, a_result(WEB), waived(a_result(WEB, subject="tcp/9000")))
        scan(store, 1, WEB, a_result(WEB))
        third = a_run(2)
        store.begin(third, [WEB, DB, OTHER])
        record(store, third, WEB, [a_result(WEB), a_result(WEB, subject="tcp/443")])
        record(store, third, DB, [a_result(DB)])
        record(store, third, OTHER, [a_result(OTHER)])
        store.finish(replace(third, finished=START))
    for made in ("run-1", "run-2"):
        arguments = [
            "--run",
            made,
            "--sign",
            str(key),
            "--out",
            str(root / made),
            "--store",
            str(root / "store.sqlite"),
        ]
        assert run(["report", *arguments]) == 0
    writer = BundleWriter(root / "bundle")
    writer.begin(bundles.RUN, [bundles.WEB, bundles.DB])
    entries = [bundles.record(writer, host) for host in (bundles.WEB, bundles.DB)]
    writer.finish(replace(bundles.RUN, finished=bundles.NOW))
    sign_files([root / "bundle" / "bundle.json"], key, "bundle", [bundles.RUN.id], entries, None)
    return root


@pytest.fixture
def place(kept: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(kept, tmp_path / "place"))
