"""The use cases of tokens: issue, read and revoke."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from busway.control.context import Control
from busway.control.identity.bearer import check_alive, digest, orphaned
from busway.control.identity.proof import Credentials, Proof, find_domain, prove
from busway.domain.caller import Caller
from busway.domain.errors import NotAuthenticated, NotFound
from busway.domain.identity import DOMAIN_ID, Project, Role, Token, User
from busway.policy import authorize
from busway.store import application_credentials, assignments, audit, projects, users
from busway.store import identity_tokens as token_store
from busway.store.database import Tx
from busway.store.identity_tokens import TokenRow


@dataclass(frozen=True, slots=True)
class Scope:
    """What the token must be good for: a project by id, or by name in `project_domain`; a domain by id or name, as all domains
    here are given; or the whole system. None of them means unscoped.
    """

    project_id: str | None = None
    project_name: str | None = None
    is_system: bool = False
    project_domain: str = DOMAIN_ID
    domain: str | None = None

    def __str__(self) -> str:
        return self.project_name or self.project_id or "(none)"


@dataclass(frozen=True, slots=True)
class _Granted:
    """What a token is for, once that is looked up and permitted."""

    project: Project | None = None
    domain: Project | None = None
    is_system: bool = False


def issue_token(
    control: Control, credentials: Credentials, scope: Scope | None, address: str = ""
) -> tuple[str, Token]:
    """Checks the credentials, every method of them, and returns a new token's secret and what it stands for.

    `scope` None means the user's default project where they have a role in it, else unscoped.
    """
    proof = prove(control, credentials, address)
    return grant(control, proof, scope)


def grant(control: Control, proof: Proof, scope: Scope | None) -> tuple[str, Token]:
    """Creates a token for an authenticated user."""
    now = control.now()
    secret = secrets.token_urlsafe(32)
    with control.db.write() as tx:
        user = users.find_user(tx, proof.user.id)
        if user is None or not user.enabled or not projects.get_domain(tx, user.domain_id).enabled:
            raise orphaned()
        if proof.parent is not None:
            check_alive(control, token_store.find_bearer(tx, proof.parent))
        proof.settle(tx, now)
        granted = _granted(tx, user, scope, proof)
        row = TokenRow(
            digest=digest(secret),
            user_id=user.id,
            project_id=granted.project.id if granted.project else None,
            methods=sorted(proof.methods),
            audit_id=secrets.token_urlsafe(16),
            issued=now,
            expires=min(proof.expires, now + timedelta(seconds=control.settings.token_seconds)),
            parent=proof.parent,
            is_system=granted.is_system,
            credential_id=proof.credential_id,
            domain_id=granted.domain.id if granted.domain else None,
        )
        token_store.add_token(tx, row)
        audit.name_actor(user.id, user.name, row.project_id or "", row.credential_id)
        return secret, _token(tx, row)


def inspect_token(control: Control, caller: Caller, subject: str, rule: str = "identity:validate_token") -> Token:
    """What a token stands for, to whom a rule permits to know it."""
    with control.db.read() as tx:
        try:
            check_alive(control, token_store.find_bearer(tx, digest(subject)))
            row = token_store.find_token(tx, digest(subject))
            assert row is not None
            token = _token(tx, row)
        except NotAuthenticated as error:
            authorize(caller, rule, {})
            raise NotFound(error.brief, detail=error.detail, code="token-not-found") from error
    authorize(caller, rule, {"target.token.user_id": token.user.id})
    return token


def revoke_token(control: Control, caller: Caller, subject: str) -> None:
    """Ends a token and what was made from it."""
    inspect_token(control, caller, subject, "identity:revoke_token")
    with control.db.write() as tx:
        token_store.revoke_token(tx, digest(subject), control.now())


def _granted(tx: Tx, user: User, scope: Scope | None, proof: Proof) -> _Granted:
    if proof.project_id is not None:
        return _Granted(_delegated_project(tx, scope, proof.project_id))
    if scope is None:
        project = projects.find_project(tx, user.default_project_id) if user.default_project_id else None
        return _Granted(project if project and _is_open(tx, user, project) else None)
    if scope.is_system:
        if not assignments.list_held_roles(tx, user.id, is_system=True):
            raise _no_role(user, "on the system")
        return _Granted(is_system=True)
    if scope.domain is not None:
        domain = find_domain(tx, scope.domain)
        if domain is None or not domain.enabled or not assignments.list_held_roles(tx, user.id, domain_id=domain.id):
            raise _no_role(user, f"on a domain {scope.domain}, or it is disabled")
        return _Granted(domain=domain)
    if scope.project_id is None and scope.project_name is None:
        return _Granted()
    project = _project(tx, scope)
    if project is None or not _is_open(tx, user, project):
        raise _no_role(user, f"in a project {scope}, or it is disabled")
    return _Granted(project)


def _project(tx: Tx, scope: Scope) -> Project | None:
    if scope.project_id is not None:
        return projects.find_project(tx, scope.project_id)
    assert scope.project_name is not None
    domain = find_domain(tx, scope.project_domain)
    return projects.find_project_by_name(tx, scope.project_name, domain.id) if domain is not None else None


def _is_open(tx: Tx, user: User, project: Project) -> bool:
    """True when a user may have a token for a project."""
    if project.is_domain or not project.enabled or not projects.get_domain(tx, project.domain_id).enabled:
        return False
    return bool(assignments.list_held_roles(tx, user.id, project_id=project.id))


def _delegated_project(tx: Tx, scope: Scope | None, project_id: str) -> Project:
    """An application credential is for its own project, whatever is asked for."""
    project = projects.get_project(tx, project_id)
    asked = None if scope is None else scope.project_id or scope.project_name
    elsewhere = scope is not None and (scope.is_system or scope.domain is not None)
    if scope is not None and (elsewhere or asked not in (project.id, project.name)):
        raise NotAuthenticated(
            "Application credentials can't take another scope",
            detail=f"This one is for project {project.name}.",
            remedy="Unset OS_PROJECT_NAME, OS_PROJECT_ID, OS_DOMAIN_NAME and OS_SYSTEM_SCOPE.",
            code="credential-scope",
        )
    return project


def _no_role(user: User, place: str) -> NotAuthenticated:
    return NotAuthenticated(
        "The request you have made requires authentication",
        detail=f"User {user.name} has no role {place}.",
        remedy="Check OS_PROJECT_NAME, or have an admin give you a role: openstack role add.",
        code="no-role-in-project",
    )


def _token(tx: Tx, row: TokenRow) -> Token:
    user = users.find_user(tx, row.user_id)
    project = projects.find_project(tx, row.project_id) if row.project_id else None
    domain = projects.find_project(tx, row.domain_id) if row.domain_id else None
    if user is None or not user.enabled or (row.project_id and (project is None or not project.enabled)):
        raise orphaned()
    roles: list[Role] = []
    if row.project_id or row.domain_id or row.is_system:
        roles = assignments.list_held_roles(
            tx, user.id, project_id=row.project_id, domain_id=row.domain_id, is_system=row.is_system
        )
    credential = None
    if row.credential_id is not None:
        credential = application_credentials.find_credential(tx, row.credential_id)
        if credential is not None:
            roles = [role for role in roles if role.id in credential.roles]
    return Token(
        user,
        project,
        tuple(roles),
        tuple(row.methods),
        row.issued,
        row.expires,
        row.audit_id,
        is_system=row.is_system,
        credential=credential,
        domain=domain,
        domains=projects.domain_names(tx, {user.domain_id, project.domain_id if project else user.domain_id}),
    )
