"""Lets a request in: whose token it carries, and whether a rule of rights permits what it asks for.

Every operation goes through `admit`, and so do the routes that stream. The rule is asked about a thing of the caller's own;
the use case asks again about the thing itself where the rule depends on it.
"""

from __future__ import annotations

from starlette.requests import Request

from busway.control.context import Control
from busway.control.identity.tokens import authenticate
from busway.domain.caller import Caller
from busway.policy import authorize


def admit(control: Control, request: Request, rule: str) -> Caller:
    """The caller behind a request; raises `NotAuthenticated` or `Forbidden`."""
    caller = authenticate(control, request.headers.get("x-auth-token"))
    authorize(caller, rule)
    return caller
