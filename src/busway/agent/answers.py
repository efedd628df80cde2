"""What the control plane's answers mean to an agent: the errors that it told, and why it could not be asked."""

from __future__ import annotations

import httpx

from busway.domain.errors import (
    BadInput,
    BuswayError,
    Conflict,
    Forbidden,
    HostError,
    NotAuthenticated,
    NotFound,
    Unavailable,
)
from busway.pki.trouble import distrust

_KINDS: dict[int, type[BuswayError]] = {
    400: BadInput,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
}


def unreachable(url: object, error: httpx.HTTPError) -> Unavailable:
    """Why nothing was asked of the control plane; one that can't show who it is gets nothing either."""
    if why := distrust(error):
        return Unavailable(
            f"What answers at {url} is not the control plane that this host has joined",
            detail=f"Its certificate is not to be trusted: {why}. Nothing was said to it.",
            remedy="Somebody may be in between. If the control plane has another authority now, let this host join anew.",
            code="control-untrusted",
        )
    return Unavailable(
        f"The control plane at {url} can't be reached",
        detail=f"{type(error).__name__}: {error}",
        remedy="Check that it runs and that this host can reach it; the agent goes on by itself.",
        code="control-away",
    )


def error_of(answer: httpx.Response) -> BuswayError:
    """Turns an error answer into the error that the control plane meant."""
    try:
        words = answer.json()["error"]
        brief, detail, remedy, code = (str(words.get(key, "")) for key in ("brief", "detail", "remedy", "code"))
    except (ValueError, KeyError, TypeError, AttributeError):
        brief, detail, remedy, code = "", answer.text[:200], "", ""
    kind = Unavailable if answer.status_code >= 500 else _KINDS.get(answer.status_code, HostError)
    return kind(brief or f"The control plane answered {answer.status_code}", detail=detail, remedy=remedy, code=code)
