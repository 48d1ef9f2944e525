"""A real Roundup tracker on loopback: the classic template on SQLite."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "correct horse"
_NOBODY = 65534


def _as_ordinary_user(argv: Sequence[str], home: Path) -> list[str]:
    """Roundup does not run as root. Nobody may read the interpreter all the same, which may lie in root's home."""
    env = ["env", f"HOME={home}", sys.executable, *argv]
    if os.getuid() != 0:
        return env
    keep = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *keep, *env]


@contextmanager
def roundup(home: Path) -> Iterator[str]:
    """The address of a fresh tracker, as long as the context is open."""
    if os.getuid() == 0:
        os.chown(home, _NOBODY, _NOBODY)
        for folder in (home, *home.parents[:2]):
            # Added to what it has: the folder above may be everybody's, with its sticky bit.
            folder.chmod(folder.stat().st_mode | 0o055)
    scripts = Path(sys.executable).parent
    admin, server, tracker = scripts / "roundup-admin", scripts / "roundup-server", home / "tracker"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/tracker"

    def run(*arguments: str) -> None:
        argv = _as_ordinary_user([str(admin), "-i", str(tracker), *arguments], home)
        subprocess.run(argv, check=True, capture_output=True, timeout=60, cwd=home)

    run("install", "classic", "sqlite")
    config = tracker / "config.ini"
    text = config.read_text()
    for name, value in (("web", f"{url}/"), ("domain", "tracker.invalid"), ("host", "127.0.0.1")):
        text = re.sub(rf"(?m)^#{name} = NO DEFAULT$", f"{name} = {value}", text)
    # Mail is written to a file: the tracker must never reach a mail server.
    text = re.sub(r"(?m)^debug = $", f"debug = {home / 'mail'}", text)
    config.write_text(text)
    run("initialise", PASSWORD)
    argv = _as_ordinary_user([str(server), "-n", "127.0.0.1", "-p", str(port), f"tracker={tracker}"], home)
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=home)
    try:
        _wait(f"{url}/", process, home / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(tracker, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"roundup did not start: {log.read_text()[-2000:]}")
