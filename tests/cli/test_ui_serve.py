"""`secaudit ui --serve`: the page answers on loopback, its websocket starts the dashboard, and nobody else gets in."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import aiohttp
import httpx
import pytest

from secaudit.cli.main import run
from secaudit.cli.ui_serve import served_command
from secaudit.store import open_store
from tests.cli.chromium import opened
from tests.tui.scenes import FINDINGS, fill

SECONDS = 30


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server over a small store."""
    with closing(open_store(str(tmp_path / "store.db"))) as store:
        fill(store, FINDINGS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    command = (sys.executable, "-m", "secaudit", "ui", "--serve", "--serve-port", str(number), "--read-only")
    with subprocess.Popen(
        (*command, "--store", str(tmp_path / "store.db")), cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as server:
        try:
            _wait(number, server)
            yield number
        finally:
            server.terminate()


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    end = monotonic() + SECONDS
    while monotonic() < end and server.poll() is None:
        with socket.socket() as asking:
            asking.settimeout(0.1)
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the server did not start")


async def first_screen(port: int, **headers: str) -> bytes:
    """What the websocket sends until the overview is there."""
    shown = b""
    url = f"ws://127.0.0.1:{port}/ws?width=120&height=40"
    async with (
        asyncio.timeout(SECONDS),
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers) as connection,
    ):
        async for message in connection:
            shown += message.data if isinstance(message.data, bytes) else b""
            if b"Muster GmbH" in shown and b"read-only" in shown:
                break
    return shown


def test_the_page_answers_and_its_websocket_starts_the_dashboard(port: int) -> None:
    page = httpx.get(f"http://127.0.0.1:{port}/")
    assert page.status_code == 200
    assert f"ws://127.0.0.1:{port}/ws" in page.text
    shown = asyncio.run(first_screen(port, Origin=f"http://localhost:{port}"))
    assert b"Muster GmbH" in shown
    assert b"read-only" in shown


def test_pages_of_others_and_other_names_are_refused(port: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        asyncio.run(first_screen(port, Origin="https://evil.example"))
    refused = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": f"evil.example:{port}"})
    assert refused.status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "audit.example"])
def test_only_loopback_unless_it_is_said(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ui", "--serve", "--serve-host", host]) == 2
    assert "whoever opens the page acts as you" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert run(["ui", "--serve"]) == 2
    assert "secaudit[serve]" in capsys.readouterr().err


def test_arguments_stay_one_word_each() -> None:
    words = ["--store", "my store; rm -rf x", "--read-only"]
    assert shlex.split(served_command(words))[-3:] == words


@pytest.mark.browser
def test_a_browser_shows_the_dashboard_and_its_keys_work(port: int, tmp_path: Path) -> None:
    """The page draws on a canvas: what it draws is read from its websocket, that it draws from the picture."""

    async def visit() -> tuple[bytes, bytes]:
        async with opened(shutil.which("chromium") or "", tmp_path / "profile") as tab:
            empty = await tab.picture()
            await tab.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
            await tab.until(lambda shown: "Muster GmbH" in shown and "SLA CLOCKS" in shown)
            focused = "new Promise(done => setInterval(() => document.activeElement.tagName == 'TEXTAREA' && done()))"
            await tab.call("Runtime.evaluate", expression=focused, awaitPromise=True)
            await tab.press("2")
            await tab.until(lambda shown: "tcp/8080" in shown and "2 findings" in shown)
            drawn = await tab.picture()
            here = f"http://127.0.0.1:{port}/"
            foreign = {one for one, url in tab.requested.items() if not url.startswith((here, "data:", "about:"))}
            assert {tab.refused.get(one) for one in foreign} <= {"csp"}, "nothing is fetched from elsewhere"
            await tab.press("q")
            return empty, drawn

    empty, drawn = asyncio.run(visit())
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 2 * len(empty), "a screen full of text is no even plane"
