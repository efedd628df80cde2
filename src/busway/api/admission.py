"""Lets a request in: whose token it carries, what an application credential permits, and whether a rule of rights does.

Every operation goes through `admit`, those that stream too. The rule is first checked for a resource of the caller;
the use case checks it again for the actual resource if the rule depends on it.
"""

from __future__ import annotations

from starlette.requests import Request

from busway.api.access_log import seen
from busway.control.context import Control
from busway.control.identity.bearer import authenticate
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotAuthenticated
from busway.policy import authorize
from busway.store import audit


def admit(control: Control, request: Request, rule: str) -> Caller:
    """The caller behind a request; raises `NotAuthenticated` or `Forbidden`.

    A service that asks for a user may send its own token along: it must be valid, and adds no rights.
    """
    caller = authenticate(control, request.headers.get("x-auth-token"))
    if service := request.headers.get("x-service-token"):
        _check_service(control, service)
    seen(request.scope).caller = caller
    audit.name_actor(caller.user_id, caller.user_name, caller.project_id, caller.credential_id)
    _check_access_rules(caller, request)
    authorize(caller, rule)
    return caller


def address_of(request: Request) -> str:
    """The address that a request came from."""
    return request.client.host if request.client else ""


def _check_service(control: Control, token: str) -> None:
    try:
        authenticate(control, token)
    except NotAuthenticated as error:
        detail = f"The token of the header X-Service-Token: {error.detail}"
        raise NotAuthenticated(error.brief, detail=detail, remedy=error.remedy, code="service-token") from error


def _check_access_rules(caller: Caller, request: Request) -> None:
    if caller.delegation is None or caller.delegation.access_rules is None:
        return
    # /compute/v2.1/servers is /v2.1/servers of the service compute.
    service, _, path = request.scope["path"].lstrip("/").partition("/")
    if not any(rule.permits(service, request.method, path) for rule in caller.delegation.access_rules):
        raise Forbidden(
            f"The access rules of this application credential do not permit {request.method} /{path} of {service}",
            remedy="Create a credential with a rule for it: openstack application credential create --access-rules",
            code="access-rule-denied",
        )
