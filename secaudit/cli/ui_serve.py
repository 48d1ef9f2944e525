"""The dashboard in a browser: a page whose websocket runs one dashboard for each visitor."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from secaudit.cli.exits import CommandError

if TYPE_CHECKING:
    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_FOCUS = """<script>
  const focusTerminal = setInterval(() => {
    const terminal = document.querySelector("textarea.xterm-helper-textarea");
    if (terminal) { clearInterval(focusTerminal); terminal.focus(); }
  }, 50);
</script>"""
"""Keys go to the dashboard as soon as it is there, not only after a click."""


def _policy(host: str) -> str:
    """What the page may load: what is served here (Content Security Policy Level 3, W3C). Its scripts stand in it."""
    return (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
        f"style-src 'self' 'unsafe-inline'; connect-src 'self' ws://{host} wss://{host}"
    )


def served_command(arguments: Sequence[str]) -> str:
    """The command line of a visitor's dashboard, for the program that runs here."""
    return shlex.join((sys.executable, "-m", "secaudit", "ui", *arguments))


def serve(arguments: Sequence[str], host: str, port: int, *, anywhere: bool) -> None:
    """Serve `secaudit ui ARGUMENTS` until Ctrl-C.

    Whoever reaches the page acts as the user who started it, so `host` must be a loopback address unless `anywhere`.
    Raises CommandError for another one, and without the extra `serve`.
    """
    if not anywhere and not _is_loopback(host):
        raise CommandError(
            f"{host} can be reached by others, and whoever opens the page acts as you; "
            "use 127.0.0.1 and ssh -L, or say --serve-anywhere"
        )
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError:
        raise CommandError("--serve needs the extra: pip install 'secaudit[serve]'") from None
    shown = f"[{host}]" if ":" in host else host
    ours = frozenset(f"{name}:{port}" for name in (shown, "127.0.0.1", "localhost", "[::1]"))

    @web.middleware
    async def only_ours(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Any page in the visitor's browser may open a websocket to here, or have a name of its own point here.
        origin = request.headers.get("Origin")
        is_ours = anywhere or request.host in ours
        if not is_ours or (origin is not None and urlsplit(origin).netloc not in ours | {request.host}):
            raise web.HTTPForbidden(text="This page belongs to another place.")
        response = await handler(request)
        # The page of the library would fetch a font from elsewhere, which tells others who looks at it and when.
        response.headers["Content-Security-Policy"] = _policy(request.host)
        if request.path == "/" and isinstance(response, web.Response) and response.text is not None:
            response.text = response.text.replace("</body>", f"{_FOCUS}</body>")
        return response

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(only_ours)
            return app

    Guarded(served_command(arguments), host, port, "secaudit", f"http://{shown}:{port}").serve()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
