"""Log-in through an external OpenID Connect provider.

The client sends a JSON Web Token of the provider (an access token or an ID token). Busway checks its signature with
the provider's keys, and its issuer, audience and times with the configuration. A user who is new gets neither a
password nor a role. An admin assigns roles, or the configuration does by the groups in the token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from busway.control.context import Control
from busway.control.identity.passwords import NO_PASSWORD
from busway.control.identity.proof import Proof
from busway.control.identity.provider import Provider, provider_of
from busway.control.identity.tokens import Scope, grant
from busway.domain.assignment import Actor, Assignment, Place
from busway.domain.errors import Forbidden, NotAuthenticated, NotFound
from busway.domain.identity import Token, User
from busway.domain.ids import UserId
from busway.domain.openid import OpenId
from busway.store import assignments, audit, projects, roles, users
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_project_tokens

_NAME_CHARS = 255


def log_in(control: Control, provider_name: str, protocol: str, presented: str) -> tuple[str, Token]:
    """Returns an unscoped token for the user of a provider's token; raises `NotAuthenticated`."""
    settings = control.settings.openid
    if settings is None or (provider_name, protocol) != (settings.name, settings.protocol):
        raise NotFound(
            f"There is no identity provider {provider_name} with protocol {protocol}",
            remedy="Set [oidc] in the configuration.",
            code="provider-not-found",
        )
    provider: Provider = provider_of(settings)
    claims = provider.check(presented, control.now())
    user = _user(settings, claims)
    audit.name_actor("", user.name, "")
    with control.db.write(aside=True) as tx:
        take_turn(tx, "identity")
        user = _known(tx, settings, user)
        _apply_groups(control, tx, settings, user, claims)
    expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
    return grant(control, Proof(user, frozenset({protocol}), expires), Scope())


def _user(settings: OpenId, claims: Mapping[str, Any]) -> User:
    subject = claims.get("sub")
    name = claims.get(settings.username_claim)
    if not isinstance(subject, str) or not subject or not isinstance(name, str) or not name:
        raise NotAuthenticated(
            "The token of the identity provider names no user",
            detail=f"It needs the claims sub and {settings.username_claim}.",
            remedy="Choose another claim with [oidc] username_claim, or let the provider send it.",
            code="provider-token",
        )
    # The same person is the same user whatever they are called: names change and are reused.
    user_id = hashlib.sha256(f"{settings.issuer}\n{subject}".encode()).hexdigest()[:32]
    return User(UserId(user_id), name[:_NAME_CHARS], description=f"of identity provider {settings.name}")


def _known(tx: Tx, settings: OpenId, user: User) -> User:
    """Returns the stored user, created if new (under another name if that is taken); raises `Forbidden` if disabled."""
    known = users.find_user(tx, user.id)
    if known is not None:
        if not known.enabled:
            raise Forbidden("The user is disabled", remedy="Ask someone with the admin role.", code="user-disabled")
        return known
    name = user.name
    if users.find_user_by_name(tx, name) is not None:
        name = f"{name[: _NAME_CHARS - 1 - len(settings.name) - 9]}@{settings.name}"
    if users.find_user_by_name(tx, name) is not None:
        name = f"{name}-{user.id[:8]}"
    made = User(user.id, name, description=user.description)
    users.add_user(tx, made, NO_PASSWORD)
    return made


def _apply_groups(control: Control, tx: Tx, settings: OpenId, user: User, claims: Mapping[str, Any]) -> None:
    """Assigns and removes the roles that the configuration maps from groups; other assignments stay."""
    groups = claims.get(settings.groups_claim) or []
    has = {str(each).lstrip("/") for each in groups} if isinstance(groups, list) else set()
    known = {role.name: role.id for role in roles.list_roles(tx)}
    wanted = {(each.project, each.role) for each in settings.mapping if each.group in has}
    for project_name, role in {(each.project, each.role) for each in settings.mapping}:
        project = projects.find_project_by_name(tx, project_name)
        if project is None or role not in known:
            continue
        given = Assignment(Actor.USER, user.id, Place.PROJECT, project.id, known[role])
        if (project_name, role) in wanted:
            assignments.assign(tx, given)
        elif assignments.unassign(tx, given):
            revoke_project_tokens(tx, project.id, control.now(), user.id)
