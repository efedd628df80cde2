"""Tokens: password and token methods, scoped to a project or unscoped."""

from __future__ import annotations

from typing import Any

from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import keystone_time
from busway.api.identity import catalog
from busway.api.operation import Operation
from busway.api.schema import Definition, Schema, open_object
from busway.control.identity import tokens as identity_tokens
from busway.control.identity.tokens import Credentials, Scope
from busway.domain.errors import BadInput, NotAuthenticated, NotSupported
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, Token

_DOMAIN = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
_TEXT: Definition = {"type": ["string", "null"], "maxLength": 255}
_NAMES: Definition = {
    "id": _TEXT,
    "name": _TEXT,
    "domain": {"type": ["object", "null"], "properties": {"id": _TEXT, "name": _TEXT}},
}
_NAMED: Definition = {"type": "object", "properties": _NAMES}
_USER: Definition = open_object({**_NAMES, "password": {"type": ["string", "null"], "maxLength": 4096}})
_SCOPE = {
    "anyOf": [
        {"type": "string", "maxLength": 255},
        {"type": "null"},
        {"type": "object", "properties": {"project": {"anyOf": [_NAMED, {"type": "null"}]}}},
    ]
}
_AUTH = Schema(
    open_object(
        {
            "auth": open_object(
                {
                    "identity": open_object(
                        {
                            "methods": {
                                "type": "array",
                                "items": {"type": "string", "maxLength": 64},
                                "minItems": 1,
                                "maxItems": 10,
                            },
                            "password": open_object({"user": _USER}, "user"),
                            "token": open_object({"id": {"type": "string", "maxLength": 8192}}, "id"),
                        },
                        "methods",
                    ),
                    "scope": _SCOPE,
                },
                "identity",
            )
        },
        "auth",
    )
)


def token_body(call: Call, token: Token) -> dict[str, object]:
    """A token as the identity API shows it."""
    body: dict[str, object] = {
        "methods": list(token.methods),
        "user": {
            "id": token.user.id,
            "name": token.user.name,
            "domain": _DOMAIN,
            "password_expires_at": None,
        },
        "audit_ids": [token.audit_id],
        "issued_at": keystone_time(token.issued),
        "expires_at": keystone_time(token.expires),
    }
    if token.project is not None:
        body["project"] = {"id": token.project.id, "name": token.project.name, "domain": _DOMAIN}
        body["is_domain"] = False
        body["roles"] = [{"id": role.id, "name": role.name} for role in token.roles]
        body["catalog"] = catalog.catalog(call)
    return body


def _issue(call: Call) -> Reply:
    auth = call.body["auth"]
    secret, token = identity_tokens.issue_token(call.control, _credentials(auth["identity"]), _scope(auth.get("scope")))
    headers = {"X-Subject-Token": secret, "Vary": "X-Auth-Token"}
    return Reply({"token": token_body(call, token)}, 201, headers)


def _credentials(identity: dict[str, Any]) -> Credentials:
    methods = tuple(identity["methods"])
    unknown = [method for method in methods if method not in ("password", "token")]
    if unknown:
        raise NotAuthenticated(
            f"Authentication method {', '.join(unknown)} is not supported",
            detail="Busway knows the methods password and token.",
            remedy="Use auth_type: password in clouds.yaml.",
            code="auth-method",
        )
    missing = [method for method in methods if method not in identity]
    if missing:
        raise BadInput(f"Expecting to find {missing[0]} in identity", code="auth-incomplete")
    token = identity["token"]["id"] if "token" in methods else ""
    user = identity["password"]["user"] if "password" in methods else {}
    _check_domain(user.get("domain", {}))
    return Credentials(methods, user.get("id") or user.get("name") or "", str(user.get("password") or ""), token)


def _scope(scope: Any) -> Scope | None:
    if scope is None:
        return None
    if scope == "unscoped" or (isinstance(scope, dict) and "unscoped" in scope):
        return Scope()
    project = scope.get("project") if isinstance(scope, dict) else None
    if not isinstance(project, dict):
        raise NotSupported(
            "A token can be scoped to a project only",
            remedy="Set OS_PROJECT_NAME, and unset OS_SYSTEM_SCOPE and OS_DOMAIN_NAME.",
            code="token-scope",
        )
    _check_domain(project.get("domain", {}))
    return Scope(project.get("id"), project.get("name"))


def _check_domain(domain: Any) -> None:
    names = (DOMAIN_ID, DOMAIN_NAME)
    given = (domain.get("id") or domain.get("name")) if isinstance(domain, dict) else None
    if given is not None and given not in names:
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail=f"There is no domain {given}; the only one is {DOMAIN_ID}.",
            remedy="Set OS_USER_DOMAIN_ID=default and OS_PROJECT_DOMAIN_ID=default.",
            code="no-such-domain",
        )


def _subject(call: Call) -> str:
    subject = call.headers.get("x-subject-token")
    if not subject:
        raise BadInput("The header X-Subject-Token is missing", code="subject-missing")
    return subject


def _show(call: Call) -> Reply:
    subject = _subject(call)
    token = identity_tokens.inspect_token(call.control, call.caller, call.token, subject)
    return Reply({"token": token_body(call, token)}, 200, {"X-Subject-Token": subject, "Vary": "X-Auth-Token"})


def _revoke(call: Call) -> Reply:
    identity_tokens.revoke_token(call.control, call.caller, call.token, _subject(call))
    return NO_CONTENT


OPERATIONS = (
    Operation("POST", "/identity/v3/auth/tokens", _issue, _AUTH, public=True),
    Operation("GET", "/identity/v3/auth/tokens", _show),
    Operation("DELETE", "/identity/v3/auth/tokens", _revoke),
    *catalog.OPERATIONS,
)
