"""What happens around every request: its id, the last net under failures, the size of bodies, tolerated spellings."""

from __future__ import annotations

import re
import traceback
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.errors import error_response
from busway.domain.errors import BuswayError, TooLarge

SCOPE_KEY = "busway.request_id"
MAX_BODY_BYTES = 2 * 1024**2
MAX_AGENT_BODY_BYTES = 32 * 1024**2

_PROJECT_IN_PATH = re.compile(r"^/compute/v2(?:\.1)?/[0-9a-f]{32}(?=/|$)")
_OLD_COMPUTE = re.compile(r"^/compute/v2(?=/.)")
_IMAGE_DATA = re.compile(r"^/image/v2/images/[^/]+/file$")

_log = structlog.get_logger(__name__)


class RequestIds:
    """Gives every request an id, shows it in the headers that clients print, and answers for unknown failures."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An exception that nothing else knew is logged with its traceback; the client learns the request id only."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req-{uuid.uuid4()}"
        scope[SCOPE_KEY] = request_id
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["x-openstack-request-id"] = request_id
                if scope["path"].startswith("/compute"):
                    headers["x-compute-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            # The traceback as plain text: renderers that show local variables would show tokens.
            told = traceback.format_exc()
            _log.error(
                "request failed", request_id=request_id, method=scope["method"], path=scope["path"], traceback=told
            )
            if started:
                raise
            error = BuswayError(
                "Busway failed at this request",
                detail=f"Its request id is {request_id}.",
                remedy="Look for that id in the log of the control plane.",
                code="internal",
            )
            await error_response(scope, error, 500)(scope, receive, send_marked)


class BodyLimit:
    """Refuses bodies that are too large before they fill the memory; image data has its own limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trusts Content-Length for an early refusal and counts what comes all the same."""
        if scope["type"] != "http" or _IMAGE_DATA.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        limit = MAX_AGENT_BODY_BYTES if scope["path"].startswith("/agent/") else MAX_BODY_BYTES
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            await error_response(scope, _too_large(limit))(scope, receive, send)
            return
        came = 0

        async def receive_counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, receive_counted, send)


class Spellings:
    """Rewrites paths that older clients use: a project id after the version, /v2 for /v2.1, a .json suffix."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The project in a path decides nothing: the token's project does."""
        if scope["type"] == "http":
            path = _PROJECT_IN_PATH.sub("/compute/v2.1", scope["path"])
            path = _OLD_COMPUTE.sub("/compute/v2.1", path)
            if path.startswith("/network/"):
                path = path.removesuffix(".json")
            if path != "/" and path.endswith("/"):
                path = path.rstrip("/")
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body of the request is larger than {limit} bytes", code="body-too-large")
