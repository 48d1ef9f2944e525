"""What is installed is whole: through the sdist, into an empty environment, only `secaudit` at the top."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LIST = """
import json
from importlib import resources
from secaudit.plugins import discover
registry = discover()
print(json.dumps({
    "checks": sorted(registry.checks),
    "broken": dict(registry.broken),
    "pages": sorted(check.id for check in registry.checks.values() if registry.families[check.family].page(check)),
    "baselines": sorted(p.name for p in resources.files("secaudit.baselines").iterdir() if p.name.endswith("yaml")),
}))
"""


def run(argv: list[str], cwd: Path) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist as an installer would."""
    out = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)], out)
    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "baselines/base.yaml"} <= names
    (built,) = out.glob("*.whl")
    return built


def test_only_secaudit_is_at_the_top(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2
    assert "secaudit" in tops
    for folder in ("checks", "reports", "baselines"):
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py")}
        assert sources
        assert {f"secaudit/{path}" for path in sources} <= set(names)


def test_every_package_file_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("secaudit/")}
    tracked = run(["git", "ls-files", "secaudit", "checks", "reports", "baselines"], ROOT).splitlines()
    wanted = {path if path.startswith("secaudit/") else f"secaudit/{path}" for path in tracked}
    assert not wanted - packed


def test_an_installed_secaudit_finds_everything(wheel: Path, tmp_path: Path) -> None:
    here = json.loads(run([sys.executable, "-c", LIST], tmp_path))
    target = tmp_path / "site"
    run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)], tmp_path)
    # -S keeps this environment's editable install away; the dependencies are put back by hand.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    program = f"import sys\nsys.path[:0] = {[str(target)]!r}\nsys.path += {libraries!r}\n{LIST}"
    there = json.loads(run([sys.executable, "-S", "-c", program], tmp_path))

    assert there == here
    assert there["broken"] == {}
    assert there["pages"] == there["checks"]
    assert len(there["checks"]) >= 12
