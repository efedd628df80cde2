"""Tokens: by password, passcode, token or application credential; for a project, a domain, the system, or unscoped."""

from __future__ import annotations

import re
from typing import Any

from busway.api.answer import wrap
from busway.api.call import NO_CONTENT, Call, Reply
from busway.api.encoding import keystone_time
from busway.api.identity import answers, catalog
from busway.api.identity.users import expiry
from busway.api.operation import Operation
from busway.api.schema import FLAG, Definition, Schema, closed, open_object
from busway.control.identity import tokens as identity_tokens
from busway.control.identity.proof import METHODS, Credentials
from busway.control.identity.tokens import Scope
from busway.domain.application_credential import ApplicationCredential
from busway.domain.errors import BadInput, NotAuthenticated, NotFound
from busway.domain.identity import DOMAIN_ID, Token

LOGIN = "identity:authenticate"
_PATH = "/identity/v3/auth/tokens"
_ACCESS_RULES = "OpenStack-Identity-Access-Rules"
_QUERY: Definition = {"nocatalog": FLAG}
_TEXT: Definition = {"type": ["string", "null"], "maxLength": 255}
_SECRET: Definition = {"type": "string", "maxLength": 4096}
_DOMAIN: Definition = closed({"id": _TEXT, "name": _TEXT})
_NAMES: Definition = {
    "id": _TEXT,
    "name": _TEXT,
    "domain": {"anyOf": [_DOMAIN, {"type": "null"}]},
}
_TRUST_ID: Definition = {"type": "string", "minLength": 1, "maxLength": 255}
_NAMED: Definition = closed(_NAMES)
_USER: Definition = closed({**_NAMES, "password": {"type": ["string", "null"], "maxLength": 4096}})
_PASSCODE: Definition = {"type": "string", "minLength": 1, "maxLength": 255}
_TOTP: Definition = closed({**_NAMES, "passcode": _PASSCODE}, "passcode")
_SCOPE = {
    "anyOf": [
        {"type": "string", "maxLength": 255},
        {"type": "null"},
        {
            "type": "object",
            "properties": {
                "project": {"anyOf": [_NAMED, {"type": "null"}]},
                "domain": {"anyOf": [_DOMAIN, {"type": "null"}]},
                "system": {"anyOf": [closed({"all": {"type": "boolean"}}), {"type": "null"}]},
                "OS-TRUST:trust": {"anyOf": [closed({"id": _TRUST_ID}, "id"), {"type": "null"}]},
                "unscoped": {},
            },
            "additionalProperties": False,
        },
    ]
}
_AUTH = Schema(
    closed(
        {
            "auth": closed(
                {
                    "identity": open_object(
                        {
                            "methods": {
                                "type": "array",
                                "items": {"type": "string", "maxLength": 64},
                                "minItems": 1,
                                "maxItems": 10,
                            },
                            "password": closed({"user": _USER}, "user"),
                            "totp": closed({"user": _TOTP}, "user"),
                            "token": closed({"id": {"type": "string", "maxLength": 8192}}, "id"),
                            "application_credential": closed(
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
            "domain": _domain(token, token.user.domain_id),
            "password_expires_at": expiry(call, token.user),
        },
        "audit_ids": [token.audit_id],
        "issued_at": keystone_time(token.issued),
        "expires_at": keystone_time(token.expires),
    }
    if token.project is not None:
        domain = _domain(token, token.project.domain_id)
        body["project"] = {"id": token.project.id, "name": token.project.name, "domain": domain}
        body["is_domain"] = False
    if token.domain is not None:
        body["domain"] = {"id": token.domain.id, "name": token.domain.name}
    if token.is_system:
        body["system"] = {"all": True}
    if token.project is not None or token.domain is not None or token.is_system:
        body["roles"] = [{"id": role.id, "name": role.name} for role in token.roles]
        if not call.flag("nocatalog"):
            project_id = token.project.id if token.project is not None else None
            body["catalog"] = catalog.catalog_body(call, project_id, token.user.id)
    if token.credential is not None:
        body["application_credential"] = _credential_body(token.credential)
    if token.trust is not None:
        body["OS-TRUST:trust"] = {
            "id": token.trust.id,
            "impersonation": token.trust.impersonation,
            "trustor_user": {"id": token.trust.trustor_id},
            "trustee_user": {"id": token.trust.trustee_id},
        }
    return body


def _domain(token: Token, domain_id: str) -> dict[str, object]:
    return {"id": domain_id, "name": token.domains[domain_id]}


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
    named_methods = dict.fromkeys([*methods, *(name for name in identity if name != "methods")])
    unknown = [method for method in named_methods if method not in METHODS]
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
    named = user or given.get("user", {})
    coded = identity["totp"]["user"] if "totp" in methods else {}
    return Credentials(
        methods,
        user=str(named.get("id") or named.get("name") or ""),
        password=str(user.get("password") or ""),
        token=identity["token"]["id"] if "token" in methods else "",
        credential_id=given.get("id") or "",
        credential_name=given.get("name") or "",
        secret=given.get("secret") or "",
        user_domain=_domain_of(named),
        totp_user=str(coded.get("id") or coded.get("name") or ""),
        passcode=coded.get("passcode", ""),
        totp_domain=_domain_of(coded),
    )


def _domain_of(named: dict[str, Any]) -> str:
    """The id or name of the domain that a user or project is named in; the default one where none is said."""
    domain = named.get("domain") or {}
    return str(domain.get("id") or domain.get("name") or DOMAIN_ID)


def _scope(scope: Any) -> Scope | None:
    if scope is None:
        return None
    if scope == "unscoped" or (isinstance(scope, dict) and list(scope) == ["unscoped"]):
        return Scope()
    asked = [(key, value) for key, value in scope.items() if value] if isinstance(scope, dict) else []
    if len(asked) != 1:
        raise _no_scope()
    [(kind, value)] = asked
    if kind == "system" and value.get("all"):
        return Scope(is_system=True)
    reference = value.get("id") or value.get("name")
    if kind == "OS-TRUST:trust":
        return Scope(trust_id=value["id"])
    if kind == "domain" and reference:
        return Scope(domain=reference)
    if kind == "project" and reference:
        return Scope(value.get("id"), value.get("name"), project_domain=_domain_of(value))
    raise _no_scope()


def _no_scope() -> BadInput:
    return BadInput(
        "A token is for one project, one domain, one trust, or the system",
        remedy="Set one of OS_PROJECT_NAME, OS_DOMAIN_NAME and OS_SYSTEM_SCOPE=all, or none for a token without a scope.",
        code="token-scope",
    )


def _subject(call: Call) -> str:
    subject = call.headers.get("x-subject-token")
    if not subject:
        raise BadInput("The header X-Subject-Token is missing", code="subject-missing")
    return subject


def _show(call: Call) -> Reply:
    subject = _subject(call)
    token = identity_tokens.inspect_token(call.control, call.caller, subject)
    _check_keeps_rules(call, token)
    return Reply({"token": token_body(call, token)}, 200, {"X-Subject-Token": subject, "Vary": "X-Auth-Token"})


def _check_keeps_rules(call: Call, token: Token) -> None:
    """Who asks for a token with access rules says that it keeps them: one that does not know them would let everything through."""
    if token.credential is None or token.credential.access_rules is None:
        return
    given = call.headers.get(_ACCESS_RULES, "")
    if not re.fullmatch(r"[1-9]\d{0,3}(\.\d{1,4})?", given):
        raise NotFound(
            "The token has access rules",
            detail="Only a service that keeps them may ask for it.",
            remedy=f"Say that you keep them: {_ACCESS_RULES}: 1.0",
            code="token-access-rules",
        )


def _revoke(call: Call) -> Reply:
    identity_tokens.revoke_token(call.control, call.caller, _subject(call))
    return NO_CONTENT


OPERATIONS = (
    Operation(
        "POST",
        _PATH,
        _issue,
        _AUTH,
        query=_QUERY,
        public=True,
        hashes=True,
        login=LOGIN,
        answer=wrap("token", answers.TOKEN),
    ),
    Operation("GET", _PATH, _show, query=_QUERY, rule="identity:validate_token", answer=wrap("token", answers.TOKEN)),
    Operation("DELETE", _PATH, _revoke, rule="identity:revoke_token"),
    *catalog.OPERATIONS,
)
