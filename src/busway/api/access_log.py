"""The access log: one line for each request, with who asked and how it ended, and with no secret.

Of a query the names are logged, and only those values that can't be secret. Bodies and headers are never written.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.middleware import callers_id, without_token
from busway.domain.caller import Caller
from busway.metrics.meters import Meters

_KEY = "busway.seen"
_MAX_QUERY = 500
_PLAIN = frozenset(
    ["all_tenants", "changes-since", "count", "deleted", "host", "limit", "marker", "sort_dir", "sort_key", "status"]
)
_log = structlog.get_logger("busway.access")


@dataclass
class Seen:
    """What the inner layers found out about a request."""

    caller: Caller | None = None
    path: str = ""  # of its operation, with the names of its parameters


def seen(scope: MutableMapping[str, Any]) -> Seen:
    """The note of a request that the access log reads at its end."""
    found: Seen = scope.setdefault(_KEY, Seen())
    return found


class AccessLog:
    """Logs each request when its answer begins; it stands inside `RequestIds`."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers that never begin are logged by `RequestIds`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        note = seen(scope)
        method, path = scope["method"], scope["path"]

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                caller = note.caller
                self._measure(method, note.path, message["status"], time.monotonic() - started)
                _log.info(
                    "request",
                    method=method,
                    path=without_token(path) + without_secrets(scope.get("query_string", b"")),
                    status=message["status"],
                    ms=round((time.monotonic() - started) * 1000, 1),
                    user=caller.user_id if caller else None,
                    project=(caller.project_id or None) if caller else None,
                    address=scope["client"][0] if scope.get("client") else None,
                    request_id=scope.get(REQUEST_ID),
                    **callers_id(scope),
                )
            await send(message)

        await self._app(scope, receive, send_logged)

    def _measure(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts a request by its operation; those of none are one series, whatever they asked for."""
        known = (method, path) if path else ("", "")
        self._meters.count("busway_api_requests_total", *known, str(status))
        self._meters.observe("busway_api_request_seconds", seconds, *known)


def without_secrets(query: bytes) -> str:
    """A query as it may be written down: "?name=*&limit=5"."""
    pairs = parse_qsl(query[: 4 * _MAX_QUERY].decode("latin-1"), keep_blank_values=True)
    shown = [(name, value if name in _PLAIN or not value else "*") for name, value in pairs]
    return f"?{urlencode(shown, safe='*')[:_MAX_QUERY]}" if shown else ""
