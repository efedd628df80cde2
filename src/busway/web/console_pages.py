"""The pages of guests' consoles: a screen by noVNC, a serial port by xterm.js.

They are the same for everybody and know nothing: the link's token is in the query, and only the page's script reads
it. They need no log-in: anyone with the link may open the console.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from busway.web.render import render_alone

_TEMPLATES = {"/consoles/vnc.html": "console_vnc.html", "/consoles/serial.html": "console_serial.html"}


def routes() -> list[BaseRoute]:
    """The pages; the files that they load are among the console's assets."""
    return [Route(path, _page, methods=["GET"]) for path in _TEMPLATES]


async def _page(request: Request) -> Response:
    return render_alone(_TEMPLATES[request.url.path])
