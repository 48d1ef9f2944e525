"""Debian packages for lab hosts, made on the spot."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.lab import Lab


def install(lab: Lab, host: str, folder: Path, name: str, version: str) -> None:
    """Build an empty package and let the host's own dpkg install it."""
    tree = folder / version
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Shop <shop@example.test>\n"
        "Description: made for a test\n"
    )
    built = subprocess.run(["dpkg-deb", "--build", str(tree), str(folder)], capture_output=True, text=True, check=True)
    assert name in built.stdout
    package = next(folder.glob(f"{name}_{version}_*.deb")).read_bytes()
    lab.run(host, ["sh", "-c", "cat >/root/made.deb && dpkg -i /root/made.deb"], stdin=package)
