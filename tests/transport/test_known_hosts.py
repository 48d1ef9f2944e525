"""known_hosts files as OpenSSH writes and reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from secaudit.transport.known_hosts import fingerprint, known_name, lookup
from tests.transport.sshd import make_key

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Type and base64 of a new public key."""
    key = make_key(tmp_path_factory.mktemp("keys") / "key")
    return " ".join(Path(f"{key}.pub").read_text().split()[:2])


@pytest.mark.parametrize(
    ("names", "name", "found"),
    [
        ("web1", "web1", True),
        ("web1", "web10", False),
        ("WEB1", "web1", True),
        ("db1,web1,10.0.0.1", "web1", True),
        ("*.example.com", "web1.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com,!web1.example.com", "web1.example.com", False),
        ("!web1.example.com,*.example.com", "db.example.com", True),
        ("web?", "web1", True),
        ("web?", "web12", False),
        ("[web1]:2222", "[web1]:2222", True),
        ("[web1]:2222", "web1", False),
        ("[*.example.com]:2222", "[a.example.com]:2222", True),
        ("10.0.0.*", "10.0.0.77", True),
        ("fe80::1", "fe80::1", True),
    ],
)
def test_patterns_mean_what_they_mean_to_openssh(
    names: str, name: str, found: bool, public: str, tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{names} {public} a comment\n")
    assert bool(lookup(name, [file])) is found
    theirs = subprocess.run(["ssh-keygen", "-F", name, "-f", str(file)], capture_output=True, check=False)
    assert (theirs.returncode == 0) is found


@pytest.mark.parametrize("name", ["web1", "[web1]:2222", "10.0.0.1"])
def test_hashed_names(name: str, public: str, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"other {public}\n{name} {public}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, capture_output=True)
    assert name not in file.read_text()
    (key,) = lookup(name, [file])
    assert (key.line, key.type, key.revoked) == (2, "ssh-ed25519", False)
    assert lookup("web2", [file]) == ()


def test_markers_comments_and_damage(public: str, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"# web1 {public}\n\n@cert-authority web1 {public}\n@revoked web1 {public}\n@unheard web1 {public}\n"
        f"web1 ssh-ed25519\nweb1 ssh-ed25519 ***\n|1|x|y {public}\n|1|x {public}\n\xff\xfe\n"
    )
    assert [(key.line, key.revoked) for key in lookup("web1", [file, tmp_path / "absent"])] == [(4, True)]


def test_a_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    told = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True).stdout
    file = tmp_path / "known_hosts"
    file.write_text(f"h {Path(f'{key}.pub').read_text()}")
    assert fingerprint(lookup("h", [file])[0].blob) == told.split()[1]


def test_names_with_ports() -> None:
    assert [known_name("Web1", 22), known_name("::1", 2222)] == ["web1", "[::1]:2222"]
