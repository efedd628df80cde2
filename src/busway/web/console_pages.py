"""The pages of guests' consoles under /consoles: a screen by noVNC, a serial port by xterm.js.

They are the same for everybody and know nothing: the link's token is in the query, and only the page's script reads it. Files are
read once, so that no path of a request ever names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

ROOT = "/consoles"
PAGES = ("vnc.html", "serial.html")
# No script and no style but this server's files. noVNC makes cursors of data: URLs; 'self' is of WebSockets too, and the
# scheme is named for browsers that read it of HTTP alone.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# The pages' own files, and of the vendored ones what they load.
_FOLDERS = {"page": "consoles", **{name: f"vendor/{name}" for name in ("novnc", "xterm", "xterm-addon-fit")}}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css"}


def routes() -> list[BaseRoute]:
    """The pages and the files that they load."""
    return [
        *(Route(f"{ROOT}/{name}", _page, methods=["GET"]) for name in PAGES),
        Route(f"{ROOT}/files/{{path:path}}", _file, methods=["GET"]),
    ]


async def _page(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    content = files("busway.web").joinpath("consoles", name).read_bytes()
    return Response(content, headers={**_HEADERS, "cache-control": "no-store"}, media_type="text/html")


async def _file(request: Request) -> Response:
    found = _contents().get(request.path_params["path"])
    if found is None:
        return Response(status_code=404)
    content, kind = found
    # Asked for anew each time a page is opened: modules of two releases must not mix.
    return Response(content, headers={**_HEADERS, "cache-control": "no-cache"}, media_type=kind)


@cache
def _contents() -> Mapping[str, tuple[bytes, str]]:
    root = files("busway.web")
    return {path: content for name, folder in _FOLDERS.items() for path, content in _walk(root.joinpath(folder), name)}


def _walk(folder: Traversable, path: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for child in folder.iterdir():
        name = f"{path}/{child.name}"
        kind = _TYPES.get("." + child.name.rpartition(".")[2])
        if child.is_dir():
            found += _walk(child, name)
        elif kind is not None:
            found.append((name, (child.read_bytes(), kind)))
    return found
