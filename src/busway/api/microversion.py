"""Microversions of compute and of Placement: which one a request asks for, and the headers that say so in the answer.

`OpenStack-API-Version: compute 2.47` or `placement 1.29` is read and answered, and compute's older header,
`X-OpenStack-Nova-API-Version`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busway.api.errors import error_response
from busway.domain.errors import BadInput, BuswayError

MINIMUM = 1
MAXIMUM = 104
PLACEMENT_MAXIMUM = 39
HEADER = "OpenStack-API-Version"
OLD_HEADER = "X-OpenStack-Nova-API-Version"
SCOPE_KEY = "busway.microversion"

_FORM = re.compile(r"([1-9][0-9]*)\.(0|[1-9][0-9]*)")


class NotAcceptable(BuswayError):
    """A microversion outside the supported range (HTTP 406)."""

    code = "microversion"


@dataclass(frozen=True, slots=True)
class Versioned:
    """A service with microversions: its word in the header, where it is, and its range of versions MAJOR.minimum to MAJOR.maximum."""

    word: str
    prefix: str
    major: int
    minimum: int
    maximum: int
    old_header: str = ""

    def shown(self, version: int) -> str:
        """A version as clients write it."""
        return f"{self.major}.{version}"

    def requested(self, headers: Headers) -> int:
        """The microversion that the headers ask for, the lowest without any; raises `BadInput` or `NotAcceptable`."""
        text = self._asked(headers)
        if text is None:
            return self.minimum
        if text == "latest":
            return self.maximum
        match = _FORM.fullmatch(text)
        if match is None:
            raise BadInput(
                f"API Version String {text} is of invalid format. It must be of format MajorNum.MinorNum",
                code="microversion-format",
            )
        if match[1] != str(self.major) or not self.minimum <= int(match[2]) <= self.maximum:
            least, most = self.shown(self.minimum), self.shown(self.maximum)
            raise NotAcceptable(
                f"Version {text} is not supported by the API. Minimum is {least} and maximum is {most}",
                remedy=f"Use a version between them: --os-{self.word}-api-version {most}",
            )
        return int(match[2])

    def mark(self, headers: MutableHeaders, version: int) -> None:
        """Says in an answer of which version it is."""
        headers[HEADER] = f"{self.word} {self.shown(version)}"
        if self.old_header:
            headers[self.old_header] = self.shown(version)
        headers["Vary"] = f"{HEADER}, {self.old_header}" if self.old_header else HEADER

    def _asked(self, headers: Headers) -> str | None:
        for line in headers.getlist(HEADER):
            for part in line.split(","):
                service, _, version = part.strip().partition(" ")
                if service.lower() == self.word:
                    return version.strip().lower()
        old = headers.get(self.old_header) if self.old_header else None
        return old.strip().lower() if old else None


COMPUTE = Versioned("compute", "/compute", 2, MINIMUM, MAXIMUM, OLD_HEADER)
PLACEMENT = Versioned("placement", "/placement", 1, 0, PLACEMENT_MAXIMUM)
VERSIONED = (COMPUTE, PLACEMENT)


def versioned(path: str) -> Versioned | None:
    """The service of a path, where it has microversions."""
    return next((each for each in VERSIONED if path.startswith(each.prefix)), None)


class Microversions:
    """Reads the microversion of requests and writes it on their answers (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes requests of services without microversions through as they are."""
        service = versioned(scope["path"]) if scope["type"] == "http" else None
        if service is None:
            await self._app(scope, receive, send)
            return
        try:
            version = service.requested(Headers(scope=scope))
        except BuswayError as error:
            status = 406 if isinstance(error, NotAcceptable) else 400
            answer = error_response(scope, error, status)
            service.mark(answer.headers, service.maximum if status == 406 else service.minimum)
            await answer(scope, receive, send)
            return
        scope[SCOPE_KEY] = version

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                service.mark(MutableHeaders(scope=message), version)
            await send(message)

        await self._app(scope, receive, send_marked)
