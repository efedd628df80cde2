"""The use cases of tokens: issue, authenticate, read and revoke."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from busway.control.context import Control
from busway.control.identity.passwords import NO_PASSWORD, passwords
from busway.domain.caller import Caller
from busway.domain.errors import NotAuthenticated, NotFound
from busway.domain.identity import Project, Role, Token, User, with_implied
from busway.domain.ids import ProjectId
from busway.policy import authorize
from busway.store import identity as store
from busway.store import identity_tokens as token_store
from busway.store.database import Tx
from busway.store.identity_tokens import Bearer, TokenRow

_KEEP_EXPIRED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client proves itself with: a user (by id or name) and a password, or an earlier token."""

    methods: tuple[str, ...]
    user: str = ""
    password: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the token shall be good for: a project by id or name; both None means unscoped."""

    project_id: str | None = None
    project_name: str | None = None

    def __str__(self) -> str:
        return self.project_name or self.project_id or "(none)"


def issue_token(control: Control, credentials: Credentials, scope: Scope | None) -> tuple[str, Token]:
    """Checks the credentials and returns a new token's secret and what it stands for.

    `scope` None means the user's default project where they have a role in it, else unscoped.
    """
    user, expires = _prove(control, credentials)
    now = control.now()
    secret = secrets.token_urlsafe(32)
    with control.db.write() as tx:
        project = _scoped_project(tx, user, scope)
        row = TokenRow(
            digest=_digest(secret),
            user_id=user.id,
            project_id=project.id if project else None,
            methods=sorted(set(credentials.methods)),
            audit_id=secrets.token_urlsafe(16),
            issued=now,
            expires=min(expires, now + timedelta(seconds=control.settings.token_seconds)),
        )
        token_store.purge_tokens(tx, now - _KEEP_EXPIRED)
        token_store.add_token(tx, row)
        return secret, _token(tx, row)


def authenticate(control: Control, secret: str | None) -> Caller:
    """The caller behind a token; raises `NotAuthenticated` for none, a wrong, expired or revoked one."""
    if not secret:
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail="It has no X-Auth-Token.",
            remedy="Get a token with POST /identity/v3/auth/tokens, or use a client with --os-cloud.",
            code="token-missing",
        )
    with control.db.read() as tx:
        bearer = token_store.find_bearer(tx, _digest(secret))
    _check_alive(control, bearer)
    assert bearer is not None
    return Caller(
        user_id=bearer.user_id,
        user_name=bearer.user_name,
        project_id=bearer.project_id or ProjectId(""),
        project_name=bearer.project_name,
        roles=frozenset(with_implied(set(bearer.roles))),
        policy=control.policy,
    )


def inspect_token(control: Control, caller: Caller, subject: str, rule: str = "identity:validate_token") -> Token:
    """What a token stands for, to whom a rule permits to know it."""
    with control.db.read() as tx:
        try:
            token = _token(tx, _live_row(control, tx, subject))
        except NotAuthenticated as error:
            authorize(caller, rule, {})
            raise NotFound(error.brief, detail=error.detail, code="token-not-found") from error
    authorize(caller, rule, {"target.token.user_id": token.user.id})
    return token


def revoke_token(control: Control, caller: Caller, subject: str) -> None:
    """Ends a token."""
    inspect_token(control, caller, subject, "identity:revoke_token")
    with control.db.write() as tx:
        token_store.revoke_token(tx, _digest(subject), control.now())


def _prove(control: Control, credentials: Credentials) -> tuple[User, datetime]:
    if credentials.token:
        with control.db.read() as tx:
            token = _token(tx, _live_row(control, tx, credentials.token))
        return token.user, token.expires
    with control.db.read() as tx:
        user = store.find_user(tx, credentials.user) or store.find_user_by_name(tx, credentials.user)
        password_hash = store.get_password_hash(tx, user.id) if user else NO_PASSWORD
    if not passwords(control.settings).check(password_hash, credentials.password) or user is None or not user.enabled:
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail="The user name or the password is wrong, or the user is disabled.",
            remedy="Check OS_USERNAME and OS_PASSWORD, or the clouds.yaml that you use.",
            code="wrong-password",
        )
    return user, datetime.max.replace(tzinfo=UTC)


def _scoped_project(tx: Tx, user: User, scope: Scope | None) -> Project | None:
    if scope is None:
        project = store.find_project(tx, user.default_project_id) if user.default_project_id else None
        return project if project and project.enabled and _roles(tx, user, project) else None
    if scope.project_id is not None:
        project = store.find_project(tx, scope.project_id)
    elif scope.project_name is not None:
        project = store.find_project_by_name(tx, scope.project_name)
    else:
        return None
    if project is None or not project.enabled or not _roles(tx, user, project):
        raise NotAuthenticated(
            "The request you have made requires authentication",
            detail=f"User {user.name} has no role in a project {scope}, or it is disabled.",
            remedy="Check OS_PROJECT_NAME, or have an admin give you a role: openstack role add.",
            code="no-role-in-project",
        )
    return project


def _live_row(control: Control, tx: Tx, secret: str) -> TokenRow:
    row = token_store.find_token(tx, _digest(secret))
    _check_alive(control, row)
    assert row is not None
    return row


def _check_alive(control: Control, row: TokenRow | Bearer | None) -> None:
    if row is None:
        raise _dead("It is not a token of this cloud.", "token-unknown")
    if row.revoked is not None:
        raise _dead("It was revoked.", "token-revoked")
    if row.expires <= control.now():
        raise _dead(f"It expired at {row.expires:%Y-%m-%d %H:%M:%S} UTC.", "token-expired")
    if isinstance(row, Bearer) and not row.is_enabled:
        raise _orphaned()
    if isinstance(row, Bearer) and row.project_id is not None and not row.roles:
        raise _dead(f"User {row.user_name} has no role in project {row.project_name} any more.", "token-orphaned")


def _token(tx: Tx, row: TokenRow) -> Token:
    user = store.find_user(tx, row.user_id)
    project = store.find_project(tx, row.project_id) if row.project_id else None
    if user is None or not user.enabled or (row.project_id and (project is None or not project.enabled)):
        raise _orphaned()
    roles = _roles(tx, user, project) if project else ()
    return Token(user, project, roles, tuple(row.methods), row.issued, row.expires, row.audit_id)


def _roles(tx: Tx, user: User, project: Project) -> tuple[Role, ...]:
    given = store.list_assignments(tx, user_id=user.id, project_id=project.id)
    names = with_implied({each.role.name for each in given})
    return tuple(role for role in store.list_roles(tx) if role.name in names) if given else ()


def _orphaned() -> NotAuthenticated:
    return _dead("Its user or project was deleted or disabled.", "token-orphaned")


def _dead(detail: str, code: str) -> NotAuthenticated:
    return NotAuthenticated(
        "The token is not valid",
        detail=detail,
        remedy="Authenticate again for a new token: openstack token issue",
        code=code,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
