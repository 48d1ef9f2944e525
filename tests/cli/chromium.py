"""A headless Chromium that is spoken to over its DevTools protocol, as far as a page of a terminal needs it.

Chrome DevTools Protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

SECONDS = 40
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Tab:
    """A page, and everything that its websockets received."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self._number = 0
        self.received = ""
        self.requested: dict[str, str] = {}
        """Addresses by the number of the request."""
        self.refused: dict[str, str] = {}
        """Why the browser did not send a request, by its number."""

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        await self._connection.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._message()
            if message.get("id") == self._number:
                result: dict[str, Any] = message["result"]
                return result

    async def until(self, holds: Callable[[str], bool]) -> None:
        """Wait until what was received holds something."""
        while not holds(self.received):
            await self._message()

    async def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads((await self._connection.receive()).data)
        told = message.get("params", {})
        match message.get("method"):
            case "Network.webSocketFrameReceived":
                data, is_binary = told["response"]["payloadData"], told["response"]["opcode"] == 2
                self.received += base64.b64decode(data).decode("utf-8", "replace") if is_binary else data
            case "Network.requestWillBeSent":
                self.requested[told["requestId"]] = told["request"]["url"]
            case "Network.loadingFailed":
                self.refused[told["requestId"]] = told.get("blockedReason", "")
        return message

    async def press(self, key: str) -> None:
        """Press a key that makes a character."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    async def picture(self) -> bytes:
        """What it looks like, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def opened(program: str, profile: Path) -> AsyncIterator[Tab]:
    """An empty page in a browser of its own, which ends with the block. Raises TimeoutError after `SECONDS`."""
    argv = [*FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "--window-size=1400,900", "about:blank"]
    browser = await asyncio.create_subprocess_exec(program, *argv, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as session:
            port = await asyncio.to_thread(_port, profile / "DevToolsActivePort")
            async with session.put(f"http://127.0.0.1:{port}/json/new?about:blank") as answer:
                address = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as connection:
                tab = Tab(connection)
                await tab.call("Network.enable")
                # Like a window in front; without it the page believes that nobody types.
                await tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
                yield tab
    finally:
        browser.terminate()
        await browser.wait()


def _port(file: Path) -> str:
    """The port that the browser writes into a file once it listens."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        lines = file.read_text().split() if file.exists() else []
        if lines:
            return lines[0]
        time.sleep(0.05)
    raise TimeoutError("the browser does not listen")
