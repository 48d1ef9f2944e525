"""The dashboard in a browser: a page whose websocket runs one dashboard for each visitor.

Every user of a machine reaches its loopback addresses, and the dashboard acts as the user who started it. So nothing
is answered without a token that only this user was shown: in the query of the page, and in the path of what it loads.
"""

from __future__ import annotations

import hmac
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

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

    Whoever has the printed address acts as the user who started it. `host` must be a loopback one unless `anywhere`.
    Raises CommandError for another one, and without the extra `serve`.
    """
    if not anywhere and not _is_loopback(host):
        raise CommandError(
            f"{host} can be reached by others, and the token of the page would go there unencrypted; "
            "use 127.0.0.1 and ssh -L, or say --serve-anywhere"
        )
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError:
        raise CommandError("--serve needs the extra: pip install 'secaudit[serve]'") from None
    shown = f"[{host}]" if ":" in host else host
    token = secrets.token_urlsafe(32)
    ours = frozenset(f"{name}:{port}" for name in (shown, "127.0.0.1", "localhost", "[::1]"))

    @web.middleware
    async def only_ours(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Any page in the visitor's browser may open a websocket to here, or have a name of its own point here.
        origin = request.headers.get("Origin")
        is_ours = anywhere or request.host in ours
        if not is_ours or (origin is not None and urlsplit(origin).netloc not in ours | {request.host}):
            raise web.HTTPForbidden(text="This page belongs to another place.")
        given = request.match_info.get("token") or request.query.get("token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            raise web.HTTPForbidden(text="Open the address that `secaudit ui --serve` printed, with its token.")
        response = await handler(request)
        # The page of the library would fetch a font from elsewhere, which tells others who looks at it and when.
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _policy(request.host)
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
        if request.path == "/" and isinstance(response, web.Response) and response.text is not None:
            response.text = response.text.replace("</body>", f"{_FOCUS}</body>")
        return response

    class Guarded(Server):
        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(only_ours)
            app.router.add_get("/with/{token}/ws", self.handle_websocket)
            app.router.add_get("/with/{token}/static/{path:.+}", self.handle_static)
            return app

        async def handle_static(self, request: web.Request) -> web.StreamResponse:
            path = _file_below(Path(self.statics_path), request.match_info["path"])
            if path is None:
                raise web.HTTPNotFound
            return web.FileResponse(path)

        async def on_startup(self, app: web.Application) -> None:
            del app
            click.echo(f"The dashboard is at http://{shown}:{port}/?token={token}")
            click.echo("Whoever has this address acts as you. Ctrl-C ends it.")

    # The addresses of what the page loads begin with this.
    Guarded(served_command(arguments), host, port, "secaudit", f"http://{shown}:{port}/with/{token}").serve()


def _file_below(root: Path, name: str) -> Path | None:
    path = (root / name).resolve()
    return path if path.is_relative_to(root.resolve()) and path.is_file() else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
