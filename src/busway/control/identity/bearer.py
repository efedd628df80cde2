"""Turns the token of a request into its `Caller`. Every request of the API comes through here."""

from __future__ import annotations

import hashlib

from busway.control.context import Control
from busway.domain.application_credential import AccessRule
from busway.domain.caller import Caller, Delegation
from busway.domain.errors import NotAuthenticated
from busway.domain.ids import ProjectId
from busway.store.identity_tokens import Bearer, find_bearer


def authenticate(control: Control, secret: str | None) -> Caller:
    """Returns the caller that a token stands for; raises `NotAuthenticated` if it is missing, unknown, expired or revoked."""
    if not secret:
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail="It has no X-Auth-Token.",
            remedy="Get a token with POST /identity/v3/auth/tokens, or use a client with --os-cloud.",
            code="token-missing",
        )
    alive = check_alive(control, _bearer(control, digest(secret)))
    return Caller(
        user_id=alive.user_id,
        user_name=alive.user_name,
        project_id=alive.project_id or ProjectId(""),
        project_name=alive.project_name,
        roles=_effective(alive),
        is_system=alive.is_system,
        delegation=_delegation(alive),
        policy=control.policy,
        domain_id=alive.domain_id or "",
        domain_name=alive.domain_name,
        project_domain_id=alive.project_domain_id,
        user_domain_id=alive.user_domain_id,
    )


def _bearer(control: Control, key: str) -> Bearer | None:
    """Returns the user, scope and roles of a token: from this process's memory, or from the database."""
    known = control.bearers.find(key)
    if known is None:
        epoch = control.bearers.epoch
        with control.db.read() as tx:
            known = find_bearer(tx, key)
        if known is not None:
            control.bearers.keep(key, known, epoch)
    return known


def digest(secret: str) -> str:
    """Returns the SHA-256 of a token as hex digits: the database stores only this."""
    return hashlib.sha256(secret.encode()).hexdigest()


def check_alive(control: Control, bearer: Bearer | None) -> Bearer:
    """Returns the bearer if its token is still valid; raises `NotAuthenticated` with the reason if it is not."""
    if bearer is None:
        raise dead("It is not a token of this cloud.", "token-unknown")
    if bearer.revoked is not None:
        raise dead("It was revoked.", "token-revoked")
    if bearer.expires <= control.now():
        raise dead(f"It expired at {bearer.expires:%Y-%m-%d %H:%M:%S} UTC.", "token-expired")
    if not bearer.is_enabled:
        raise orphaned()
    if bearer.credential_id is not None and bearer.delegated is None:
        raise dead("Its application credential was deleted.", "token-orphaned")
    if bearer.trust_id is not None and bearer.delegated is None:
        raise dead("Its trust was deleted.", "token-orphaned")
    if (bearer.project_id or bearer.domain_id or bearer.is_system) and not bearer.roles:
        raise dead(f"User {bearer.user_name} has no role {_place(bearer)} any more.", "token-orphaned")
    if bearer.delegated is not None and not set(bearer.delegated) <= set(bearer.roles):
        kind = "application credential" if bearer.trust_id is None else "trust"
        raise dead(f"Who gave it lost a role that its {kind} stands for.", "token-orphaned")
    return bearer


def _place(bearer: Bearer) -> str:
    if bearer.is_system:
        return "on the system"
    return f"in project {bearer.project_name}" if bearer.project_id else f"on domain {bearer.domain_name}"


def _effective(bearer: Bearer) -> frozenset[str]:
    own = bearer.roles if bearer.delegated is None else bearer.delegated
    return frozenset(bearer.roles[each] for each in own)


def _delegation(bearer: Bearer) -> Delegation | None:
    if bearer.trust_id is not None:
        return Delegation(bearer.trust_id, False, None, is_trust=True)
    if bearer.credential_id is None:
        return None
    rules = bearer.access_rules
    permitted = None if rules is None else tuple(AccessRule(**rule) for rule in rules)
    return Delegation(bearer.credential_id, bearer.unrestricted, permitted)


def orphaned() -> NotAuthenticated:
    """Returns the error for a token whose user, project or domain was deleted or disabled."""
    return dead("Its user, project or domain was deleted or disabled.", "token-orphaned")


def dead(detail: str, code: str) -> NotAuthenticated:
    """Returns the error for a token that is no longer valid, or never was."""
    return NotAuthenticated(
        "The token is not valid",
        detail=detail,
        remedy="Authenticate again for a new token: openstack token issue",
        code=code,
    )
