"""Errors as each service's clients read them: Nova's fault names, Keystone's, Neutron's and Glance's shapes.

The user reads brief, detail and remedy in the message; the stable code travels in the header x-busway-error-code.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from busway.api.elsewhere import methods_at, why_not
from busway.domain import errors

STATUS: tuple[tuple[type[errors.BuswayError], int], ...] = (
    (errors.BadMediaType, 415),
    (errors.BadInput, 400),
    (errors.NotAuthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.PreconditionFailed, 412),
    (errors.TooLarge, 413),
    (errors.BadRange, 416),
    (errors.TooSlow, 408),
    (errors.StorageFull, 507),
    (errors.NotSupported, 501),
    (errors.Unavailable, 503),
)

_NOVA_FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}

# What services answer to whom a quota would not suffice: Glance's and Neutron's own; the others' is 403.
_OVER_QUOTA = (("/image", 413), ("/network", 409))

Shape = Callable[[int, errors.BuswayError], object]


def status_of(error: errors.BuswayError) -> int:
    """The HTTP status of an error; 500 where a host or Busway itself failed."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def error_response(scope: Scope, error: errors.BuswayError, status: int | None = None) -> Response:
    """The answer for an error in the shape of the service that was asked."""
    path = str(scope.get("path", ""))
    code = status or _status_at(path, error)
    headers = {"x-busway-error-code": error.code}
    if code == 401:
        app = scope.get("app")
        headers["www-authenticate"] = f'Keystone uri="{app.state.public_url if app else ""}/identity"'
    if path.startswith("/image"):
        return Response(_glance(code, error), code, headers, media_type="text/html")
    shape = next((shape for prefix, shape in _SHAPES if path.startswith(prefix)), _busway)
    return Response(msgspec.json.encode(shape(code, error)), code, headers, media_type="application/json")


def _status_at(path: str, error: errors.BuswayError) -> int:
    if isinstance(error, errors.OverQuota):
        return next((status for prefix, status in _OVER_QUOTA if path.startswith(prefix)), status_of(error))
    return status_of(error)


async def on_busway_error(request: Request, error: Exception) -> Response:
    """Answers for a refusal that a use case raised."""
    assert isinstance(error, errors.BuswayError)
    return error_response(request.scope, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answers for what the router refuses: an unknown path, a wrong method; each with what there is instead."""
    assert isinstance(error, HTTPException)
    path = request.scope.get("path", "")
    headers = dict(error.headers or {})
    reported: errors.BuswayError
    if error.status_code == 404:
        detail, remedy = why_not(path)
        reported = errors.NotFound(
            f"The resource could not be found: {request.method} {path}",
            detail=detail,
            remedy=remedy,
            code="no-such-path",
        )
    elif error.status_code == 405:
        headers["Allow"] = ", ".join(methods_at(request.app.routes, path))
        remedy = f"This path takes {headers['Allow']}."
        reported = errors.BuswayError(f"{error.detail}: {request.method} {path}", remedy=remedy, code="http")
    else:
        reported = errors.BuswayError(f"{error.detail}: {request.method} {path}", code="http")
    answer = error_response(request.scope, reported, error.status_code)
    answer.headers.update(headers)
    return answer


def _nova(status: int, error: errors.BuswayError) -> object:
    return {_NOVA_FAULTS.get(status, "computeFault"): {"code": status, "message": str(error)}}


def _keystone(status: int, error: errors.BuswayError) -> object:
    return {"error": {"code": status, "message": str(error), "title": _TITLES.get(status, "Error")}}


def _neutron(_status: int, error: errors.BuswayError) -> object:
    kind = "".join(word.capitalize() for word in error.code.split("-"))
    return {"NeutronError": {"type": kind, "message": str(error), "detail": ""}}


def _busway(_status: int, error: errors.BuswayError) -> object:
    return {
        "error": {"brief": error.brief, "detail": error.detail, "remedy": error.remedy, "code": error.code},
    }


def _glance(status: int, error: errors.BuswayError) -> str:
    title = f"{status} {_TITLES.get(status, 'Error')}"
    return (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {html.escape(str(error), quote=False)}<br /><br />\n </body>\n</html>"
    )


def _placement(status: int, error: errors.BuswayError) -> object:
    code = {"resource-provider-generation": "placement.concurrent_update"}.get(error.code, "placement.undefined_code")
    one = {"status": status, "title": _TITLES.get(status, "Error"), "detail": str(error), "code": code}
    return {"errors": [one]}


_SHAPES: tuple[tuple[str, Shape], ...] = (
    ("/compute", _nova),
    ("/identity", _keystone),
    ("/v3", _keystone),  # where a client asks whose auth_url has no /identity
    ("/keystone", _keystone),
    ("/network", _neutron),
    ("/placement", _placement),
)
