"""The application: all operations on one port, and what surrounds every request."""

from __future__ import annotations

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from busway.api import agent, compute, identity, image, network, openapi, own
from busway.api.bounds import Bounds
from busway.api.errors import on_busway_error, on_http_error
from busway.api.image import data
from busway.api.microversion import Microversions
from busway.api.middleware import RequestIds, Spellings
from busway.api.operation import API_THREADS, Operation, routes
from busway.control.context import Control
from busway.domain.errors import BuswayError


def build_app(control: Control) -> Starlette:
    """Builds the ASGI application; serve it with uvicorn, in one process per control plane."""
    limiter = CapacityLimiter(API_THREADS)
    services: list[BaseRoute] = [
        *_mounted(control, limiter, "/compute/v2.1", compute.OPERATIONS),
        *_mounted(control, limiter, "/identity/v3", identity.OPERATIONS),
        *data.routes(control, limiter),
        *_mounted(control, limiter, "/image/v2", image.OPERATIONS),
        *_mounted(control, limiter, "/network/v2.0", network.OPERATIONS),
        *_mounted(control, limiter, "/busway/v1", own.OPERATIONS),
        *agent.routes(control),
        Route("/", _index, methods=["GET"]),
        Route(openapi.PATH, _openapi, methods=["GET"]),
    ]
    return Starlette(
        routes=services,
        middleware=[Middleware(kind) for kind in (RequestIds, Spellings, Bounds, Microversions)],
        exception_handlers={HTTPException: on_http_error, BuswayError: on_busway_error},
    )


def _mounted(
    control: Control, limiter: CapacityLimiter, prefix: str, operations: tuple[Operation, ...]
) -> list[BaseRoute]:
    """Routes under a prefix are matched within it only, so that one service's table does not slow down the others."""
    inside = [route for route in operations if route.path.startswith(prefix + "/")]
    outside = [route for route in operations if not route.path.startswith(prefix + "/")]
    inner = routes(control, limiter, inside, strip=prefix)
    return [*routes(control, limiter, outside), Mount(prefix, routes=inner)]


async def _openapi(_request: Request) -> Response:
    return Response(openapi.text(), media_type="application/json")


async def _index(_request: Request) -> Response:
    paths = {"identity": "/identity", "compute": "/compute", "image": "/image", "network": "/network"}
    return JSONResponse({"busway": {**paths, "own": "/busway/v1"}})
