"""Sessions of the console: a token of identity in a cookie that scripts can't read and other sites can't send.

Whatever ends the token ends the session: log-out, a new password, a lost role, its time. Nothing is kept beside the token.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from busway.api.admission import address_of
from busway.control.context import Control
from busway.control.identity.bearer import authenticate
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotAuthenticated

COOKIE = "busway_session"
# Of a browser that has not logged in: what its form of log-in is bound to.
VISITOR = "busway_visitor"
THEME = "busway_theme"
THEMES = ("auto", "light", "dark")
PATH = "/ui"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks at a page; `caller` is None for a visitor, whose `secret` only binds the form of log-in."""

    secret: str
    caller: Caller | None

    @property
    def csrf(self) -> str:
        """What every form of the session carries."""
        return csrf_token(self.secret)


def csrf_token(secret: str) -> str:
    """A value that only a page of this session knows."""
    return hmac.new(secret.encode(), b"busway console form", hashlib.sha256).hexdigest()


def read_session(control: Control, request: Request) -> Session:
    """The session that a request came with; a token that is over makes its bearer a visitor."""
    secret = request.cookies.get(COOKIE, "")
    if secret:
        try:
            return Session(secret, authenticate(control, secret))
        except NotAuthenticated:
            pass
    return Session(request.cookies.get(VISITOR, ""), None)


def whose(request: Request) -> str:
    """Names who shares the threads with others: the request's session, or the address it came from."""
    return request.cookies.get(COOKIE, "") or address_of(request)


def check_form(request: Request, session: Session, given: str) -> None:
    """Raises `Forbidden` for a request that no page of this session sent."""
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    cross = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    known = bool(session.secret) and hmac.compare_digest(given.encode(), session.csrf.encode())
    if foreign or cross or not known:
        raise Forbidden(
            "This form was not sent by a page of your session",
            detail="Its token is missing or belongs to another session.",
            remedy="Go back, load the page again, and send the form once more.",
            code="form-foreign",
        )


def set_cookie(response: Response, request: Request, name: str, value: str, *, days: int = 0) -> None:
    """Sets a cookie for the console only; without `days` it ends with the browser."""
    response.set_cookie(
        name,
        value,
        max_age=days * 86_400 or None,
        path=PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def clear_cookie(response: Response, name: str) -> None:
    """Takes a cookie away."""
    response.delete_cookie(name, path=PATH)
