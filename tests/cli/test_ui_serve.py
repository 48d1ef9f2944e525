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
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Served:
    """Where a server is, and the token that it printed."""

    port: int
    token: str

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server over a small store."""
    with closing(open_store(str(tmp_path / "store.db"))) as store:
        fill(store, FINDINGS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    command = (sys.executable, "-m", "secaudit", "ui", "--serve", "--serve-port", str(number), "--read-only")
    with subprocess.Popen(
        (*command, "--store", str(tmp_path / "store.db")), cwd=tmp_path, stdout=subprocess.PIPE
    ) as server:
        try:
            _wait(number, server)
            assert server.stdout is not None
            printed = next(line for line in server.stdout if b"token=" in line).decode().split()[-1]
            yield Served(number, printed.partition("?token=")[2])
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


async def first_screen(served: Served, path: str = "", **headers: str) -> bytes:
    """What the websocket sends until the overview is there."""
    shown = b""
    url = f"ws://127.0.0.1:{served.port}{path or f'/with/{served.token}/ws'}?width=120&height=40"
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


def test_the_page_answers_and_its_websocket_starts_the_dashboard(served: Served) -> None:
    page = httpx.get(served.page, params={"token": served.token})
    assert page.status_code == 200
    assert f"ws://127.0.0.1:{served.port}/with/{served.token}/ws" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert httpx.get(f"{served.page}with/{served.token}/static/js/textual.js").status_code == 200
    assert httpx.get(f"{served.page}with/{served.token}/static/..%2f..%2fserver.py").status_code == 404
    shown = asyncio.run(first_screen(served, Origin=f"http://localhost:{served.port}"))
    assert b"Muster GmbH" in shown
    assert b"read-only" in shown


def test_pages_of_others_and_other_names_are_refused(served: Served) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        asyncio.run(first_screen(served, Origin="https://evil.example"))
    named = {"Host": f"evil.example:{served.port}"}
    assert httpx.get(served.page, params={"token": served.token}, headers=named).status_code == 403


def test_without_the_token_nothing_is_answered(served: Served) -> None:
    """Page, static files, downloads and addresses that there are not; the websocket."""
    for wrong in ("", "x", served.token[:-1], f"{served.token}x", served.token.swapcase(), "\u00e4"):
        given = {"token": wrong} if wrong else {}
        for path in ("", "ws", "static/js/textual.js", "static/", "download/x", "nothing"):
            assert httpx.get(f"{served.page}{path}", params=given).status_code == 403, (path, wrong)
        for path in ("static/js/textual.js", "ws"):
            assert httpx.get(f"{served.page}with/{wrong or 'x'}/{path}").status_code == 403
        for path in ("/ws", f"/with/{wrong or 'x'}/ws"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                asyncio.run(first_screen(served, path))


def test_the_token_stands_in_no_command_line(served: Served) -> None:
    asyncio.run(first_screen(served))
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(served.token.encode() in command for command in commands)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "audit.example"])
def test_only_loopback_unless_it_is_said(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ui", "--serve", "--serve-host", host]) == 2
    assert "would go there unencrypted" in capsys.readouterr().err


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
def test_a_browser_shows_the_dashboard_and_its_keys_work(served: Served, tmp_path: Path) -> None:
    """The page draws on a canvas: what it draws is read from its websocket, that it draws from the picture."""

    async def visit() -> tuple[bytes, bytes]:
        async with opened(shutil.which("chromium") or "", tmp_path / "profile") as tab:
            empty = await tab.picture()
            await tab.call("Page.navigate", url=f"{served.page}?token={served.token}")
            await tab.until(lambda shown: "Muster GmbH" in shown and "SLA CLOCKS" in shown)
            focused = "new Promise(done => setInterval(() => document.activeElement.tagName == 'TEXTAREA' && done()))"
            await tab.call("Runtime.evaluate", expression=focused, awaitPromise=True)
            await tab.press("2")
            await tab.until(lambda shown: "tcp/8080" in shown and "2 findings" in shown)
            drawn = await tab.picture()
            here = served.page
            foreign = {one for one, url in tab.requested.items() if not url.startswith((here, "data:", "about:"))}
            assert {tab.refused.get(one) for one in foreign} <= {"csp"}, "nothing is fetched from elsewhere"
            await tab.press("q")
            return empty, drawn

    empty, drawn = asyncio.run(visit())
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 2 * len(empty), "a screen full of text is no even plane"
