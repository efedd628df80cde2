"""The routes of the console, all below `/ui` but the pages of guests' consoles; bootstrap hands `routes` to the API's application."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from busway.api.closing import Closing
from busway.api.operation import Threads
from busway.control.context import Control
from busway.web import console_pages
from busway.web.assets import serve_asset
from busway.web.live import Live
from busway.web.page import Page, not_found, route
from busway.web.pages import PAGES
from busway.web.upload import upload_image


def routes(control: Control, threads: Threads, closing: Closing) -> list[BaseRoute]:
    """Makes all routes of the console."""
    live = Live(control, threads, closing)
    lost = Page("GET", "/{path:path}", not_found, public=True)
    inside: list[BaseRoute] = [
        Route("/assets/{version}/{path:path}", serve_asset, methods=["GET"]),
        Route("/live", live.stream, methods=["GET"]),
        Route("/images/{id}/file", partial(_upload, control, threads), methods=["PUT"]),
        *(route(control, threads, page) for page in PAGES),
        route(control, threads, lost),
    ]
    return [Route("/ui", _start, methods=["GET"]), Mount("/ui", routes=inside), *console_pages.routes()]


async def _start(_request: Request) -> Response:
    return RedirectResponse("/ui/start", 303)


async def _upload(control: Control, threads: Threads, request: Request) -> Response:
    return await upload_image(control, threads, request)
