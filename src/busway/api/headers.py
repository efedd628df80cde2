"""What the headers of requests mean, in one place: those that Busway honours, those it refuses, and those that nothing follows from.

A header that a client relies on is honoured or refused. Only what HTTP itself leaves to the server, or what is not the client's to
say, stands in `IGNORED`, each with its reason. Sources: RFC 9110, RFC 7240, and the services of OpenStack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from busway.api.errors import error_response
from busway.api.microversion import HEADER, VERSIONED, NotAcceptable
from busway.api.request_id import INBOUND, is_request_id
from busway.api.revisions import condition
from busway.domain.errors import BadInput, BadMediaType, BuswayError, PreconditionFailed

# Where each is read is said beside it: its tests are with what it does.
HONOURED: Mapping[str, str] = {
    "x-auth-token": "the caller: api/admission.py",
    "x-service-token": "must be valid too, and permits nothing more: api/admission.py",
    "x-subject-token": "the token that is shown or revoked: api/identity/tokens.py",
    "openstack-identity-access-rules": "tokens with access rules are shown only to callers that keep them: api/identity/tokens.py",
    "openstack-api-version": "the microversion of compute and Placement: api/microversion.py",
    "x-openstack-nova-api-version": "the microversion of compute: api/microversion.py",
    "x-openstack-request-id": "the caller's own id of the request, in the log: api/request_id.py",
    "x-openstack-append": "tags of a metadata namespace are added: api/image/metadef_parts.py",
    "x-openstack-image-size": "the size of uploaded data: api/image/data.py",
    "x-image-meta-store": "the store that data goes to: api/image/data.py, api/image/imports.py; here for others",
    "accept": "Placement answers in JSON or not at all: here; elsewhere see IGNORED",
    "content-type": "what a body is: api/body.py",
    "content-length": "how long a body is: api/body.py and the server",
    "content-md5": "what a body's MD5 must be: api/body.py",
    "content-encoding": "bodies come as they are: here",
    "content-range": "part of an image's data, as Glance reads it: api/image/ranges.py; here for others",
    "transfer-encoding": "chunked: the server",
    "expect": "100-continue: the server; others here",
    "range": "part of an image's data: api/image/ranges.py",
    "if-range": "part of an image's data, if it is still the same: the server of files",
    "if-match": "image data: api/image/data.py; revisions of networks and the like: api/revisions.py; others here",
    "if-none-match": "image data: api/image/data.py; others here",
    "x-forwarded-for": "the client's address, from a proxy on this machine alone: the server",
    "x-forwarded-proto": "whether cookies are for TLS alone, from a proxy on this machine alone: the server",
    "traceparent": "the trace of the caller: api/traced.py",
    "authorization": "the token of a host's agent, of metrics and of federation, and signatures",
    "origin": "pages and consoles: web/session.py, api/console.py",
    "host": "consoles: api/console.py",
    "cookie": "pages: web/session.py",
}
IGNORED: Mapping[str, str] = {
    "accept": "RFC 9110, 12.5.1: a server may answer in what it has; but Placement, which refuses what is not JSON",
    "range": "RFC 9110, 14.2: a server may ignore it; but data of images",
    "if-range": "RFC 9110, 13.1.5: it means nothing where Range does not; but data of images",
    "accept-charset": "RFC 9110, 12.5.2: obsolete; all is UTF-8",
    "accept-encoding": "RFC 9110, 12.5.3: an answer without an encoding is always allowed",
    "accept-language": "RFC 9110, 12.5.4: a server may disregard it; all is English",
    "prefer": "RFC 7240, 2: a preference may be ignored; Preference-Applied is never answered",
    "if-modified-since": "RFC 9110, 13.1.3: to be ignored where a resource has no time of modification",
    "if-unmodified-since": "RFC 9110, 13.1.4: to be ignored where a resource has no time of modification",
    "cache-control": "RFC 9111, 5.2.1: advice to caches; nothing is cached",
    "pragma": "RFC 9111, 5.4: advice to caches; nothing is cached",
    "content-language": "RFC 9110, 8.5: it says something to readers of the body",
    "content-digest": "RFC 9530, 6.4: a recipient may ignore it",
    "date": "RFC 9110, 6.6.1: it says something of the message",
    "from": "RFC 9110, 10.1.2: for logs",
    "referer": "RFC 9110, 10.1.3: for logs",
    "user-agent": "RFC 9110, 10.1.5: for logs",
    "upgrade": "RFC 9110, 7.8: a server may ignore it",
    "via": "RFC 9110, 7.6.3: for proxies",
    "max-forwards": "RFC 9110, 7.6.2: for TRACE and OPTIONS, which no operation has",
    "te": "RFC 9110, 10.1.4: no answer has trailers",
    "trailer": "RFC 9110, 6.5.1: fields behind a body may be dropped",
    "forwarded": "anybody can send it: links come from public_url, addresses from the connection",
    "x-forwarded-host": "anybody can send it: links come from public_url",
    "x-forwarded-prefix": "anybody can send it: links come from public_url",
    "x-user-id": "who a caller is, the token alone says",
    "x-user-name": "who a caller is, the token alone says",
    "x-user-domain-id": "who a caller is, the token alone says",
    "x-project-id": "who a caller is, the token alone says",
    "x-project-name": "who a caller is, the token alone says",
    "x-project-domain-id": "who a caller is, the token alone says",
    "x-tenant-id": "who a caller is, the token alone says",
    "x-tenant-name": "who a caller is, the token alone says",
    "x-tenant": "who a caller is, the token alone says",
    "x-user": "who a caller is, the token alone says",
    "x-role": "who a caller is, the token alone says",
    "x-roles": "who a caller is, the token alone says",
    "x-domain-id": "who a caller is, the token alone says",
    "x-is-admin-project": "who a caller is, the token alone says",
    "x-identity-status": "who a caller is, the token alone says",
    "x-service-catalog": "who a caller is, the token alone says",
    "x-auth-project-id": "older clients name the project of their token in it; the token alone says it",
    "x-storage-token": "the older name of X-Auth-Token for object storage, which there is not",
}
# Of these a request has one: which of two would hold is a guess.
_ONCE = (
    "x-auth-token", "x-service-token", "x-subject-token", "x-openstack-nova-api-version", "x-openstack-request-id", "x-openstack-append",
    "x-openstack-image-size", "x-image-meta-store", "content-type", "content-md5", "content-range", "range", "if-range",
)  # fmt: skip
# What nobody here does, and a client that sends it counts on.
NOT_DONE = {
    "idempotency-key": "Busway remembers no keys of requests: the same one again would be done again.",
    "x-http-method-override": "The method of a request is in its first line.",
    "x-http-method": "The method of a request is in its first line.",
    "x-method-override": "The method of a request is in its first line.",
    "openstack-auth-receipt": "Busway gives no receipts: all methods of a log-in are in one request.",
}
_PREFIXES = ("/compute", "/identity", "/image", "/network", "/placement", "/busway")
_DATA = re.compile(r"/image/v2/images/[^/]+/file")
_STORED = re.compile(r"/image/v2/images/[^/]+/(file|stage|import)")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_WITHOUT_VERSIONS = ("identity", "image", "network")


class ExpectationFailed(BuswayError):
    """The client expects what the server does not do (HTTP 417)."""

    code = "expectation-failed"


_STATUS = {NotAcceptable: 406, ExpectationFailed: 417}


class HeaderRules:
    """Refuses the headers that Busway does not honour (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests of pages, agents and metrics pass as they are."""
        if scope["type"] == "http" and scope["path"].startswith(_PREFIXES):
            try:
                check_headers(scope["method"], scope["path"], Headers(scope=scope))
            except BuswayError as error:
                await error_response(scope, error, _STATUS.get(type(error)))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check_headers(method: str, path: str, headers: Headers) -> None:
    """Raises for a header that is not honoured at this path."""
    names = set(headers)
    for name in names.intersection(NOT_DONE):
        raise BadInput(
            f"The header {name} is not supported", detail=NOT_DONE[name], remedy="Omit it.", code="header-not-supported"
        )
    for name in names.intersection(_ONCE):
        if len(set(headers.getlist(name))) > 1:
            raise BadInput(f"The header {name} is there twice", remedy="Send it once.", code="header-twice")
    for name in names.intersection(_CHECKS):
        _CHECKS[name](method, path, headers[name])
    if path.startswith("/image"):
        _check_image(method, path, headers)


def _check_encoding(_method: str, _path: str, value: str) -> None:
    if value.strip().lower() not in ("", "identity"):
        raise BadMediaType(
            f"A body with Content-Encoding {value[:80]} is not read",
            remedy="Send it without an encoding.",
            code="content-encoding",
        )


def _check_content_range(method: str, path: str, _value: str) -> None:
    if method in _READS and _DATA.fullmatch(path):
        return
    raise BadInput(
        "The header Content-Range is not supported here",
        detail="It would say that a body is a part of something; bodies are always whole.",
        remedy="Send all data in one request.",
        code="header-not-supported",
    )


def _check_expect(_method: str, _path: str, value: str) -> None:
    if value.strip().lower() != "100-continue":
        raise ExpectationFailed(f"The expectation {value[:80]} can't be met", remedy="Omit the header Expect.")


def _check_if_match(method: str, path: str, value: str) -> None:
    if value.strip() == "*" or (method in _READS and _DATA.fullmatch(path)):
        return
    if condition(method, path, value) is not None:
        return  # tested where the change is made
    raise PreconditionFailed(
        f"Nothing here matches If-Match: {value[:80]}",
        detail="Only the data of images has an ETag, and only what a PUT or DELETE of the network API changes a revision_number.",
        remedy="Omit the header.",
    )


def _check_if_none_match(method: str, path: str, value: str) -> None:
    if value.strip() != "*" or (method in _READS and _DATA.fullmatch(path)):
        return  # what has no ETag matches none
    raise PreconditionFailed(
        "If-None-Match: * is not supported here",
        detail="It would have the request done only if there is nothing yet at its path.",
        remedy="Look for it first.",
    )


def _check_accept(_method: str, path: str, value: str) -> None:
    """Placement's own answer to a client that takes no JSON; its errors are JSON nevertheless."""
    if path.startswith("/placement") and not any(_takes_json(each) for each in value.split(",")):
        raise NotAcceptable(
            "Only application/json is provided", remedy="Send Accept: application/json", code="not-acceptable"
        )


def _takes_json(part: str) -> bool:
    kind, *parameters = (each.strip().lower() for each in part.split(";"))
    refused = any(re.fullmatch(r"q=0(\.0*)?", each) for each in parameters)
    return kind in ("", "*/*", "*", "application/*", "application/json") and not refused


def _check_version(_method: str, path: str, value: str) -> None:
    for part in value.split(","):
        service, _, version = part.strip().partition(" ")
        if re.fullmatch(r"latest|[0-9.]*", service.lower()):
            example = ", ".join(f"{HEADER}: {each.word} {each.shown(each.maximum)}" for each in VERSIONED)
            raise BadInput(
                f"The header {HEADER} names no service: {value[:80]}",
                remedy=f"Write the service before the version, such as {example}",
                code="microversion-format",
            )
        if service.lower() in _WITHOUT_VERSIONS and path.startswith(f"/{service.lower()}"):
            raise NotAcceptable(
                f"The service {service.lower()} has no microversions",
                detail=f"The request asks for {version[:80]}.",
                remedy=f"Omit {HEADER}.",
                code="microversion",
            )


def _check_request_id(_method: str, _path: str, value: str) -> None:
    if not is_request_id(value):
        raise BadInput(
            f"The header X-OpenStack-Request-ID is no id of a request: {value[:80]}",
            detail="It is written to the log beside the id that Busway gives the request.",
            remedy="Send req- and a UUID in lower case, or omit the header.",
            code="request-id",
        )


def _check_image(_method: str, path: str, headers: Headers) -> None:
    for name in headers:
        if name == "x-image-meta-store":
            if not _STORED.fullmatch(path):
                raise BadInput(
                    "No data comes with this request that a store could take",
                    detail=f"The header {name} names {headers[name][:80]}.",
                    remedy="Omit the header, and send it with the data or the import.",
                    code="image-store",
                )
        elif name.startswith("x-image-meta-") or name == "x-glance-registry-purge-props":
            raise BadInput(
                f"The header {name} is not supported",
                detail="Version 1 of the image API had an image's fields in headers.",
                remedy="Set them in the body of POST or PATCH /image/v2/images.",
                code="header-not-supported",
            )


_CHECKS: Mapping[str, Callable[[str, str, str], None]] = {
    "content-encoding": _check_encoding,
    "content-range": _check_content_range,
    "expect": _check_expect,
    "if-match": _check_if_match,
    "if-none-match": _check_if_none_match,
    "accept": _check_accept,
    "openstack-api-version": _check_version,
    INBOUND: _check_request_id,
}
