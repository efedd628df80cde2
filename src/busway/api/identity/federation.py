"""Federation: log in with the token of an OpenID Connect provider, where keystoneauth's v3oidc plugins send it."""

from __future__ import annotations

from busway.api.answer import wrap
from busway.api.call import Call, Reply
from busway.api.identity.answers import TOKEN
from busway.api.identity.tokens import LOGIN, token_body
from busway.api.operation import Operation
from busway.control.identity import federation
from busway.domain.errors import NotAuthenticated

_PATH = "/identity/v3/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}/auth"


def _log_in(call: Call) -> Reply:
    scheme, _, presented = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not presented.strip():
        raise NotAuthenticated(
            "The request has no token of the identity provider",
            detail="It must be in the header 'Authorization: Bearer …'.",
            remedy="Use auth_type v3oidcpassword, v3oidcclientcredentials or v3oidcaccesstoken.",
            code="provider-token",
        )
    path = call.path
    secret, token = federation.log_in(call.control, path["provider"], path["protocol"], presented.strip())
    return Reply({"token": token_body(call, token)}, 201, {"X-Subject-Token": secret, "Vary": "X-Auth-Token"})


OPERATIONS = (Operation("POST", _PATH, _log_in, public=True, login=LOGIN, answer=wrap("token", TOKEN)),)
