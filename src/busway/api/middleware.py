"""What happens around every request: its id, the last net under failures, tolerated spellings."""

from __future__ import annotations

import re
import traceback
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.errors import error_response
from busway.api.request_id import global_request_id
from busway.domain.errors import BuswayError, NotFound

SCOPE_KEY = "busway.request_id"

_PROJECT_IN_PATH = re.compile(r"^/compute/v2(?:\.1)?/[0-9a-f]{32}(?=/|$)")
_ON_ONE_THING = frozenset({"DELETE", "PATCH"})
# Nova, Glance and Placement know no path that ends in a slash but their roots and versions. Keystone and Neutron take it off.
_ID_MISSING = re.compile(r"^/(?:compute|image|placement|busway)/(?!(?:v[\d.]+/)?$).*/$")
_OLD_COMPUTE = re.compile(r"^/compute/v2(?=/.)")

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
            trace = traceback.format_exc()
            _log.error(
                "request failed",
                request_id=request_id,
                method=scope["method"],
                path=without_token(scope["path"]),
                traceback=trace,
                **callers_id(scope),
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


def without_token(path: str) -> str:
    """A path as it may be written down: the token of a console is in one of them."""
    before, known, token = path.partition("/os-console-auth-tokens/")
    return f"{before}{known}*" if token else path


def callers_id(scope: Scope) -> dict[str, str]:
    """The caller's own id of a request, as the log has it; nothing where there is none."""
    given = global_request_id(scope)
    return {"global_request_id": given} if given else {}


class Spellings:
    """Rewrites paths that older clients use: a project id after the version, /v2 for /v2.1, a .json suffix."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The project in a path decides nothing: the token's project does. An empty id at a path's end is the id of nothing."""
        if scope["type"] == "http":
            path = _as_now(scope["path"])
            if _ID_MISSING.match(path) or (scope["method"] in _ON_ONE_THING and path.endswith("/")):
                error = NotFound(
                    f"The resource could not be found: {scope['method']} {scope['path']}",
                    detail="The path ends in a slash: the id or name that belongs behind it is missing.",
                    remedy="Name one, or leave the slash out.",
                    code="no-such-path",
                )
                await error_response(scope, error)(scope, receive, send)
                return
            path = spelled(path)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def spelled(path: str) -> str:
    """The path as the operations have it."""
    path = _as_now(path)
    if path.startswith("/network/"):
        path = path.removesuffix(".json")
    return path.rstrip("/") if path != "/" and path.endswith("/") else path


def _as_now(path: str) -> str:
    """The path with the version of today, and without a project."""
    return _OLD_COMPUTE.sub("/compute/v2.1", _PROJECT_IN_PATH.sub("/compute/v2.1", path))
