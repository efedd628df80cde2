"""A span for each request of a user: its operation, its request id, how it ended; what is written down of it has its context."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.access_log import seen
from busway.api.middleware import SCOPE_KEY as REQUEST_ID
from busway.api.request_id import global_request_id
from busway.tracing.trace import Kind, Tracer, read_context

# Agents ask all the time, scrapes and streams are no acts of anybody, and assets are files.
_UNTRACED = ("/agent/", "/metrics", "/ui/live", "/ui/assets/")
_HEADER = b"traceparent"


class Traced:
    """Stands inside the access log; it adds nothing where nothing is traced."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A caller that traces too says so in its header, and the span becomes part of its trace."""
        if scope["type"] != "http" or not self._tracer.is_on or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        sent = next((value for name, value in scope["headers"] if name == _HEADER), b"").decode("latin-1")
        values = {"busway.request_id": scope.get(REQUEST_ID, ""), "http.request.method": method}
        if given := global_request_id(scope):
            values["busway.global_request_id"] = given
        with self._tracer.span(method, read_context(sent), values, Kind.SERVER) as span:

            async def send_traced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.values["http.response.status_code"] = message["status"]
                    span.error = f"answered {message['status']}" if message["status"] >= 500 else ""
                    note = seen(scope)
                    span.name, span.values["http.route"] = f"{method} {note.path}".strip(), note.path
                    if note.caller is not None:
                        span.values["enduser.id"] = note.caller.user_id
                await send(message)

            await self._app(scope, receive, send_traced)
