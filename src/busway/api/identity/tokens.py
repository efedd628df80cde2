"""Tokens: by password, token or application credential; for a project, for the system, or unscoped."""

from __future__ import annotations

from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import keystone_time
from busway.api.identity import catalog
from busway.api.identity.answers import TOKEN
from busway.api.operation import Operation
from busway.api.schema import Definition, Schema, open_object
from busway.control.identity import tokens as identity_tokens
from busway.control.identity.proof import METHODS, Credentials
from busway.control.identity.tokens import Scope
from busway.domain.application_credential import ApplicationCredential
from busway.domain.errors import BadInput, NotAuthenticated, NotSupported
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, Token

LOGIN = "identity:authenticate"
_DOMAIN = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
_TEXT: Definition = {"type": ["string", "null"], "maxLength": 255}
_SECRET: Definition = {"type": "string", "maxLength": 4096}
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
                            "application_credential": open_object(
                                {"id": _TEXT, "name": _TEXT, "secret": _SECRET, "user": _NAMED}, "secret"
                            ),
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
    if token.is_system:
        body["system"] = {"all": True}
        body["roles"] = [{"id": role.id, "name": role.name} for role in token.roles]
        body["catalog"] = catalog.catalog(call)
    if token.credential is not None:
        body["application_credential"] = _credential_body(token.credential)
    return body


def _credential_body(credential: ApplicationCredential) -> dict[str, object]:
    body: dict[str, object] = {
        "id": credential.id,
        "name": credential.name,
        "restricted": not credential.unrestricted,
    }
    if credential.access_rules is not None:
        body["access_rules"] = [rule.as_dict() for rule in credential.access_rules]
    return body


def _issue(call: Call) -> Reply:
    auth = call.body["auth"]
    credentials, scope = _credentials(auth["identity"]), _scope(auth.get("scope"))
    secret, token = identity_tokens.issue_token(call.control, credentials, scope, call.address)
    headers = {"X-Subject-Token": secret, "Vary": "X-Auth-Token"}
    return Reply({"token": token_body(call, token)}, 201, headers)


def _credentials(identity: dict[str, Any]) -> Credentials:
    methods = tuple(identity["methods"])
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise NotAuthenticated(
            f"Authentication method {', '.join(unknown)} is not supported",
            detail=f"Busway knows the methods {', '.join(METHODS)}.",
            remedy="Use auth_type: password in clouds.yaml.",
            code="auth-method",
        )
    missing = [method for method in methods if method not in identity]
    if missing:
        raise BadInput(f"Expecting to find {missing[0]} in identity", code="auth-incomplete")
    user = identity["password"]["user"] if "password" in methods else {}
    given = identity["application_credential"] if "application_credential" in methods else {}
    owner = given.get("user", {})
    for named in (user, owner):
        _check_domain(named.get("domain", {}))
    return Credentials(
        methods,
        user=_reference(user) or _reference(owner),
        password=str(user.get("password") or ""),
        token=identity["token"]["id"] if "token" in methods else "",
        credential_id=given.get("id") or "",
        credential_name=given.get("name") or "",
        secret=given.get("secret") or "",
    )


def _reference(user: dict[str, Any]) -> str:
    return str(user.get("id") or user.get("name") or "")


def _scope(scope: Any) -> Scope | None:
    if scope is None:
        return None
    if scope == "unscoped" or (isinstance(scope, dict) and "unscoped" in scope):
        return Scope()
    if isinstance(scope, dict) and isinstance(scope.get("system"), dict) and scope["system"].get("all"):
        return Scope(is_system=True)
    project = scope.get("project") if isinstance(scope, dict) else None
    if not isinstance(project, dict):
        raise NotSupported(
            "A token can be scoped to a project or to the system only",
            remedy="Set OS_PROJECT_NAME, or OS_SYSTEM_SCOPE=all, and unset OS_DOMAIN_NAME.",
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
    token = identity_tokens.inspect_token(call.control, call.caller, subject)
    return Reply({"token": token_body(call, token)}, 200, {"X-Subject-Token": subject, "Vary": "X-Auth-Token"})


def _revoke(call: Call) -> Reply:
    identity_tokens.revoke_token(call.control, call.caller, _subject(call))
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "POST",
        "/identity/v3/auth/tokens",
        _issue,
        _AUTH,
        public=True,
        hashes=True,
        login=LOGIN,
        answer=wrap("token", TOKEN),
    ),
    Operation("GET", "/identity/v3/auth/tokens", _show, rule="identity:validate_token", answer=wrap("token", TOKEN)),
    Operation("DELETE", "/identity/v3/auth/tokens", _revoke, rule="identity:revoke_token"),
    *catalog.OPERATIONS,
)
