"""Files that browsers load: the console's own and the vendored ones, each under the hash of its content.

They are read once, when the first is asked for, so that no path of a request ever names a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

IMMUTABLE: Mapping[str, str] = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
}
_FOLDERS = ("static", "vendor")
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@cache
def _contents() -> Mapping[str, tuple[bytes, str]]:
    """The content and type of each file by its path: "static/app.css"."""
    root = files("busway.web")
    return {path: content for folder in _FOLDERS for path, content in _walk(root.joinpath(folder), folder)}


def _walk(folder: Traversable, path: str) -> list[tuple[str, tuple[bytes, str]]]:
    found = []
    for child in folder.iterdir():
        name = f"{path}/{child.name}"
        suffix = "." + child.name.rpartition(".")[2]
        if child.is_dir():
            found += _walk(child, name)
        elif suffix in _TYPES:
            found.append((name, (child.read_bytes(), _TYPES[suffix])))
    return found


@cache
def version() -> str:
    """One hash over all files: modules import each other by relative paths, and must not mix with older ones."""
    total = hashlib.sha256()
    for name, (content, _) in sorted(_contents().items()):
        total.update(name.encode() + b"\0" + content)
    return total.hexdigest()[:16]


def asset_url(path: str) -> str:
    """Where browsers find a file such as "static/app.css"; raises `KeyError` for one that is not there."""
    assert _contents()[path]
    return f"/ui/assets/{version()}/{path}"


async def serve_asset(request: Request) -> Response:
    """One file; what is there under its hash never changes."""
    found = _contents().get(request.path_params["path"])
    if found is None:
        return Response(status_code=404)
    content, kind = found
    return Response(content, headers=IMMUTABLE, media_type=kind)
