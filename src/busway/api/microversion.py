"""Compute microversions: which one a request asks for, and the headers that say so in the answer.

Both headers are read and answered: `OpenStack-API-Version: compute 2.47` and the older `X-OpenStack-Nova-API-Version`.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.errors import error_response
from busway.domain.errors import BadInput, BuswayError

MINIMUM = 1
MAXIMUM = 100
HEADER = "OpenStack-API-Version"
OLD_HEADER = "X-OpenStack-Nova-API-Version"
SCOPE_KEY = "busway.microversion"

_FORM = re.compile(r"([1-9][0-9]*)\.(0|[1-9][0-9]*)")


class NotAcceptable(BuswayError):
    """A microversion outside the supported range (HTTP 406)."""

    code = "microversion"


def requested(headers: Headers) -> int:
    """The microversion that the headers ask for (2.1 without any); raises `BadInput` or `NotAcceptable`."""
    text = _asked(headers)
    if text is None:
        return MINIMUM
    if text == "latest":
        return MAXIMUM
    match = _FORM.fullmatch(text)
    if match is None:
        raise BadInput(
            f"API Version String {text} is of invalid format. It must be of format MajorNum.MinorNum",
            code="microversion-format",
        )
    if match[1] != "2" or not MINIMUM <= int(match[2]) <= MAXIMUM:
        raise NotAcceptable(
            f"Version {text} is not supported by the API. Minimum is 2.{MINIMUM} and maximum is 2.{MAXIMUM}",
            remedy=f"Use a version between them: --os-compute-api-version 2.{MAXIMUM}",
        )
    return int(match[2])


def _asked(headers: Headers) -> str | None:
    for line in headers.getlist(HEADER):
        for part in line.split(","):
            service, _, version = part.strip().partition(" ")
            if service.lower() == "compute":
                return version.strip().lower()
    old = headers.get(OLD_HEADER)
    return old.strip().lower() if old else None


class Microversions:
    """Reads the microversion of compute requests and writes it on their answers (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes other services' requests through as they are."""
        if scope["type"] != "http" or not scope["path"].startswith("/compute"):
            await self._app(scope, receive, send)
            return
        try:
            version = requested(Headers(scope=scope))
        except BuswayError as error:
            status = 406 if isinstance(error, NotAcceptable) else 400
            answer = error_response(scope, error, status)
            _mark(answer.headers, MAXIMUM if status == 406 else MINIMUM)
            await answer(scope, receive, send)
            return
        scope[SCOPE_KEY] = version

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), version)
            await send(message)

        await self._app(scope, receive, send_marked)


def _mark(headers: MutableHeaders, version: int) -> None:
    headers[HEADER] = f"compute 2.{version}"
    headers[OLD_HEADER] = f"2.{version}"
    headers["Vary"] = f"{HEADER}, {OLD_HEADER}"
