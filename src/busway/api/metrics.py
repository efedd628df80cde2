"""`/metrics` for Prometheus: for clients with the token of the configuration, or, without a token, for this machine only."""

from __future__ import annotations

import secrets
from functools import partial
from ipaddress import ip_address

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from busway.control.context import Control
from busway.control.figures import read_figures
from busway.domain.errors import Forbidden, NotAuthenticated
from busway.metrics.meters import CONTENT_TYPE

PATH = "/metrics"
# What a proxy on this machine says of whom it asks for: then nobody knows who reads.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def route(control: Control) -> Route:
    """The route. It has one thread of its own, so that scrapes without end take none away from the API."""
    control.meters.read_from(partial(read_figures, control))
    control.db.on_state_time = lambda state_time: control.meters.observe(
        "busway_server_state_seconds", state_time.seconds, state_time.status, state_time.task_state
    )
    limiter = CapacityLimiter(1)

    async def metrics(request: Request) -> Response:
        _let_in(control.settings.metrics_token, request)
        text = await to_thread.run_sync(control.meters.text, limiter=limiter)
        return Response(text, media_type=CONTENT_TYPE)

    return Route(PATH, metrics, methods=["GET"])


def _let_in(token: str, request: Request) -> None:
    if token:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode()):
            return
        raise NotAuthenticated(
            "The metrics need a token",
            detail="It is [busway] metrics_token, sent as: Authorization: Bearer TOKEN.",
            remedy="Give the token to your Prometheus: authorization.credentials in its scrape_config.",
            code="metrics-token",
        )
    address = request.client.host if request.client else ""
    if not _is_loopback(address) or any(name in request.headers for name in _FORWARDED):
        raise Forbidden(
            "The metrics are only available on this machine",
            remedy="Set [busway] metrics_token, and give it to your Prometheus.",
            code="metrics-local",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
