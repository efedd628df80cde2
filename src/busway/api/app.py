"""The application: all operations on one port, and what surrounds every request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from busway.api import agent, compute, console, identity, image, metrics, network, openapi, own, placement
from busway.api.access_log import AccessLog
from busway.api.admission import address_of
from busway.api.bounds import Bounds
from busway.api.closing import Closing
from busway.api.errors import on_busway_error, on_http_error
from busway.api.headers import HeaderRules
from busway.api.identity.versions import v3_at
from busway.api.microversion import Microversions
from busway.api.middleware import RequestIds, Spellings
from busway.api.operation import Operation, Threads, routes
from busway.api.pace import Pace, is_strangers_mistake
from busway.api.traced import Traced
from busway.control.context import Control
from busway.domain.errors import BuswayError

SERVICES: Mapping[str, tuple[Operation, ...]] = {
    "/compute/v2.1": compute.OPERATIONS,
    "/identity/v3": identity.OPERATIONS,
    "/image/v2": image.OPERATIONS,
    "/network/v2.0": network.OPERATIONS,
    "/placement": placement.OPERATIONS,
    "/busway/v1": own.OPERATIONS,
}
Pages = Callable[[Control, Threads, Closing], Iterable[BaseRoute]]


def build_app(control: Control, pages: Pages | None = None) -> Starlette:
    """Builds the ASGI application; serve it with uvicorn, in one process per control plane.

    `pages` adds routes for people with a browser, which run in the same threads. Whoever stops the server calls
    `app.state.closing.begin()`: requests that wait for news are then answered.
    """
    threads, closing = Threads(control.settings.password_threads), Closing()
    services: list[BaseRoute] = [
        *_of_services(),
        *(pages(control, threads, closing) if pages else ()),
        *agent.routes(control, closing),
        *console.routes(control, closing),
        metrics.route(control),
        Route("/", _index if pages is None else _index_or_console, methods=["GET"]),
        Route(openapi.PATH, _openapi, methods=["GET"]),
    ]
    app = Starlette(
        routes=services,
        middleware=[
            Middleware(RequestIds),
            Middleware(AccessLog, control.meters),
            Middleware(Traced, control.tracer),
            *(Middleware(kind) for kind in (Spellings, Bounds, HeaderRules, Microversions)),
        ],
        exception_handlers={HTTPException: on_http_error, BuswayError: _paced(Pace(time.monotonic))},
    )
    app.state.control, app.state.threads, app.state.closing = control, threads, closing
    app.state.public_url = control.settings.public_url
    return app


def _paced(pace: Pace) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers refusals, those of strangers at a pace."""

    async def on_error(request: Request, error: Exception) -> Response:
        if isinstance(error, BuswayError) and is_strangers_mistake(request, error):
            await anyio.sleep(pace.delay(address_of(request)))
        return await on_busway_error(request, error)

    return on_error


@cache
def _of_services() -> tuple[BaseRoute, ...]:
    """The routes of all services, made once in a process."""
    return tuple(route for prefix, table in SERVICES.items() for route in _mounted(prefix, table))


def _mounted(prefix: str, operations: tuple[Operation, ...]) -> list[BaseRoute]:
    """Routes under a prefix are matched within it only, so that one service's table does not slow down the others."""
    inside = [route for route in operations if route.path.startswith(prefix + "/")]
    outside = [route for route in operations if not route.path.startswith(prefix + "/")]
    return [*routes(outside), Mount(prefix, routes=routes(inside, strip=prefix))]


async def _openapi(_request: Request) -> Response:
    return Response(openapi.text(), media_type="application/json")


async def _index(request: Request) -> Response:
    paths = {
        "identity": "/identity",
        "compute": "/compute",
        "image": "/image",
        "network": "/network",
        "placement": "/placement",
    }
    # The versions are identity's: a client finds it from the address of the cloud alone.
    versions = {"values": [v3_at(request.app.state.public_url.rstrip("/"))]}
    return JSONResponse({"busway": {**paths, "own": "/busway/v1"}, "versions": versions})


async def _index_or_console(request: Request) -> Response:
    """People with a browser are sent to the console; programs get the index."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/ui", 303)
    return await _index(request)
