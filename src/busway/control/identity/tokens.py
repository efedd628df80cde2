"""The use cases of tokens: issue, validate and revoke."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from busway.control.context import Control
from busway.control.identity.bearer import check_alive, digest, orphaned
from busway.control.identity.proof import Credentials, Proof, find_domain, prove
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotAuthenticated, NotFound
from busway.domain.identity import DOMAIN_ID, Project, Role, Token, User
from busway.domain.trust import Trust
from busway.policy import authorize
from busway.store import application_credentials, assignments, audit, projects, trusts, users
from busway.store import identity_tokens as token_store
from busway.store.database import Tx
from busway.store.identity_tokens import TokenRow


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope that a client asks for.

    One of: a project (by id, or by name in `project_domain`), a domain (by id or name), the whole system, or a
    trust. None of them means unscoped. Domains are given by id or name.
    """

    project_id: str | None = None
    project_name: str | None = None
    is_system: bool = False
    project_domain: str = DOMAIN_ID
    domain: str | None = None
    trust_id: str | None = None

    def __str__(self) -> str:
        return self.project_name or self.project_id or "(none)"


@dataclass(frozen=True, slots=True)
class _Granted:
    """The scope of a new token, with its rows read and access to it checked."""

    project: Project | None = None
    domain: Project | None = None
    is_system: bool = False
    trust: Trust | None = None


def issue_token(
    control: Control, credentials: Credentials, scope: Scope | None, address: str = ""
) -> tuple[str, Token]:
    """Authenticates a client and issues a token; returns its secret and what it stands for.

    `scope` None means the user's default project if they have a role there, else unscoped. Raises
    `NotAuthenticated`.
    """
    proof = prove(control, credentials, address)
    return grant(control, proof, scope)


def grant(control: Control, proof: Proof, scope: Scope | None) -> tuple[str, Token]:
    """Issues a token for an authenticated user; returns its secret and what it stands for."""
    now = control.now()
    secret = secrets.token_urlsafe(32)
    with control.db.write() as tx:
        user = users.find_user(tx, proof.user.id)
        if user is None or not user.enabled or not projects.get_domain(tx, user.domain_id).enabled:
            raise orphaned()
        if proof.parent is not None:
            check_alive(control, token_store.find_bearer(tx, proof.parent))
        proof.settle(tx, now)
        granted = _granted(tx, user, scope, proof, now)
        trust = granted.trust
        ends = min(proof.expires, now + timedelta(seconds=control.settings.token_seconds))
        row = TokenRow(
            digest=digest(secret),
            user_id=trust.trustor_id if trust is not None and trust.impersonation else user.id,
            project_id=granted.project.id if granted.project else None,
            methods=sorted(proof.methods),
            audit_id=secrets.token_urlsafe(16),
            issued=now,
            expires=ends if trust is None or trust.expires is None else min(ends, trust.expires),
            parent=proof.parent or proof.made_by,
            is_system=granted.is_system,
            credential_id=proof.credential_id,
            domain_id=granted.domain.id if granted.domain else None,
            trust_id=trust.id if trust else None,
        )
        token_store.add_token(tx, row)
        audit.name_actor(user.id, user.name, row.project_id or "", row.trust_id or row.credential_id)
        return secret, _token(tx, row)


def inspect_token(control: Control, caller: Caller, subject: str, rule: str = "identity:validate_token") -> Token:
    """Returns what a token stands for, if a rule permits the caller to know; raises `NotFound` for an invalid one."""
    with control.db.read() as tx:
        row = token_store.find_token(tx, digest(subject))
        try:
            check_alive(control, token_store.find_bearer(tx, digest(subject)))
            assert row is not None
            token = _token(tx, row)
        except NotAuthenticated as error:
            authorize(caller, rule, {"target.token.user_id": row.user_id if row is not None else caller.user_id})
            raise NotFound(error.brief, detail=error.detail, code="token-not-found") from error
    authorize(caller, rule, {"target.token.user_id": token.user.id})
    return token


def revoke_token(control: Control, caller: Caller, subject: str) -> None:
    """Revokes a token and the tokens that were issued for it."""
    inspect_token(control, caller, subject, "identity:revoke_token")
    with control.db.write() as tx:
        token_store.revoke_token(tx, digest(subject), control.now())


def _granted(tx: Tx, user: User, scope: Scope | None, proof: Proof, now: datetime) -> _Granted:
    if scope is not None and scope.trust_id is not None:
        return _trusted(tx, user, scope.trust_id, proof, now)
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


def _trusted(tx: Tx, user: User, trust_id: str, proof: Proof, now: datetime) -> _Granted:
    """Returns the scope of a trust and counts one use of it; raises unless both users are enabled and the trustor has its roles."""
    if proof.credential_id is not None:
        raise Forbidden(
            "An application credential can't use a trust", remedy="Log in with a password.", code="trust-delegated"
        )
    trust = trusts.find_trust(tx, trust_id, now)
    if trust is None or trust.trustee_id != user.id:
        raise Forbidden(
            f"There is no trust {trust_id} for user {user.name}",
            detail="It may have expired, or have been taken back.",
            remedy="List yours: openstack trust list --trustee USER",
            code="trust-not-yours",
        )
    trustor, project = users.get_user(tx, trust.trustor_id), projects.get_project(tx, trust.project_id)
    is_open = trustor.enabled and projects.get_domain(tx, trustor.domain_id).enabled and _is_open(tx, trustor, project)
    held = {role.id for role in assignments.list_held_roles(tx, trustor.id, project_id=project.id)}
    if not is_open or not set(trust.roles) <= held:
        raise Forbidden(
            f"The trust {trust_id} stands for more than its trustor has by now",
            detail="The trustor or the project was disabled, or the trustor lost a role.",
            remedy="Ask the trustor for another trust.",
            code="trust-roles",
        )
    if not trusts.use_trust(tx, trust):
        raise Forbidden(
            f"The trust {trust_id} is used up", remedy="Ask the trustor for another one.", code="trust-used-up"
        )
    return _Granted(project, trust=trust)


def _project(tx: Tx, scope: Scope) -> Project | None:
    if scope.project_id is not None:
        return projects.find_project(tx, scope.project_id)
    assert scope.project_name is not None
    domain = find_domain(tx, scope.project_domain)
    return projects.find_project_by_name(tx, scope.project_name, domain.id) if domain is not None else None


def _is_open(tx: Tx, user: User, project: Project) -> bool:
    """Returns True if a user may have a token for a project."""
    if project.is_domain or not project.enabled or not projects.get_domain(tx, project.domain_id).enabled:
        return False
    return bool(assignments.list_held_roles(tx, user.id, project_id=project.id))


def _delegated_project(tx: Tx, scope: Scope | None, project_id: str) -> Project:
    """Returns the project of an application credential: its own, whatever the client asks for."""
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
    trust = trusts.find_trust(tx, row.trust_id, row.issued) if row.trust_id is not None else None
    if row.project_id or row.domain_id or row.is_system:
        holder = user.id if trust is None else trust.trustor_id
        roles = assignments.list_held_roles(
            tx, holder, project_id=row.project_id, domain_id=row.domain_id, is_system=row.is_system
        )
    if trust is not None:
        given = assignments.list_implied_ids(tx, trust.roles)
        roles = [role for role in roles if role.id in given]
    credential = None
    if row.credential_id is not None:
        credential = application_credentials.find_credential(tx, row.credential_id)
        if credential is not None:
            given = assignments.list_implied_ids(tx, credential.roles)
            roles = [role for role in roles if role.id in given]
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
        trust=trust,
        domains=projects.domain_names(tx, {user.domain_id, project.domain_id if project else user.domain_id}),
    )
