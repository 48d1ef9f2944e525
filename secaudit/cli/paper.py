"""Printing an HTML page to PDF with the Chromium of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from secaudit.cli.exits import CommandError, Exit

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
LIMIT_SECONDS = 120

_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pdf-header-footer",
    # The page asks for nothing from outside; should one ever do, it gets no answer.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def browser() -> str:
    """The path of a Chromium. Raises CommandError when there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise CommandError("PDF needs Chromium, and there is none; install the package chromium, or ask for html only")
    return found


def print_pdf(page: bytes) -> bytes:
    """The page on paper. Raises CommandError when Chromium is missing, fails or takes longer than two minutes."""
    program = browser()
    with tempfile.TemporaryDirectory(prefix="secaudit-pdf-") as folder:
        source, paper = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_bytes(page)
        # Chromium refuses its sandbox to root; the page has a policy that allows no script.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        argv = [program, *_FLAGS, *sandbox, f"--user-data-dir={folder}/profile", f"--print-to-pdf={paper}"]
        try:
            done = subprocess.run([*argv, source.as_uri()], capture_output=True, timeout=LIMIT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise CommandError(f"Chromium did not print within {LIMIT_SECONDS} s", Exit.INCOMPLETE) from None
        except OSError as error:
            raise CommandError(f"Chromium does not start: {error.strerror}", Exit.INCOMPLETE) from None
        printed = paper.read_bytes() if paper.exists() else b""
    if not printed.startswith(b"%PDF-"):
        raise CommandError(f"Chromium printed nothing and ended with {done.returncode}", Exit.INCOMPLETE)
    return printed
