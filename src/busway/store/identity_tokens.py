"""Tokens: only the sha256 of their secret is kept, so that a stolen database opens nothing.

A token that was made from another one names it (`parent`): what ends a token ends all that was made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    String,
    Table,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from busway.domain.ids import ProjectId, UserId
from busway.store.application_credentials import application_credentials
from busway.store.database import Tx
from busway.store.identity import projects, role_assignments, roles, system_assignments, users
from busway.store.metadata import Json, UtcTime, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_id", String(64), nullable=False, index=True),
    Column("project_id", String(64)),
    Column("methods", Json, nullable=False),
    Column("audit_id", String(64), nullable=False),
    Column("issued", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("revoked", UtcTime),
    Column("parent", String(64), index=True),
    Column("is_system", Boolean, nullable=False),
    Column("credential_id", String(32), index=True),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is stored; with neither `project_id` nor `is_system` it is unscoped."""

    digest: str
    user_id: UserId
    project_id: ProjectId | None
    methods: list[str]
    audit_id: str
    issued: datetime
    expires: datetime
    revoked: datetime | None = None
    parent: str | None = None
    is_system: bool = False
    credential_id: str | None = None


def add_token(tx: Tx, row: TokenRow) -> None:
    """Stores a new token."""
    tx.execute(insert(tokens).values(**{c.name: getattr(row, c.name) for c in tokens.c}))


def find_token(tx: Tx, digest: str) -> TokenRow | None:
    """Reads a token, an expired or revoked one too, or None."""
    row = tx.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else TokenRow(**row._mapping)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token with the names and roles behind it, as every request needs them.

    `delegated` are the roles of the application credential that it was made with, None where there was none.
    """

    user_id: UserId
    user_name: str
    project_id: ProjectId | None
    project_name: str
    is_system: bool
    roles: frozenset[str]
    is_enabled: bool
    expires: datetime
    revoked: datetime | None
    credential_id: str | None
    delegated: tuple[str, ...] | None
    unrestricted: bool
    access_rules: list[dict[str, Any]] | None


# SELECT … FROM tokens JOIN users LEFT JOIN projects, credentials and both kinds of assignments, LEFT JOIN roles WHERE
# digest = ?
_BEARER = (
    select(
        tokens.c.user_id,
        tokens.c.project_id,
        tokens.c.is_system,
        tokens.c.expires,
        tokens.c.revoked,
        tokens.c.credential_id,
        users.c.name.label("user_name"),
        users.c.enabled.label("user_enabled"),
        projects.c.name.label("project_name"),
        projects.c.enabled.label("project_enabled"),
        roles.c.name.label("role"),
        application_credentials.c.roles.label("delegated"),
        application_credentials.c.unrestricted,
        application_credentials.c.access_rules,
    )
    .join(users, users.c.id == tokens.c.user_id)
    .outerjoin(projects, projects.c.id == tokens.c.project_id)
    .outerjoin(application_credentials, application_credentials.c.id == tokens.c.credential_id)
    .outerjoin(
        role_assignments,
        and_(
            role_assignments.c.user_id == tokens.c.user_id,
            role_assignments.c.project_id == tokens.c.project_id,
        ),
    )
    .outerjoin(system_assignments, and_(tokens.c.is_system.is_(True), system_assignments.c.user_id == tokens.c.user_id))
    .outerjoin(roles, roles.c.id == func.coalesce(role_assignments.c.role_id, system_assignments.c.role_id))
    .where(tokens.c.digest == bindparam("digest"))
)


def find_bearer(tx: Tx, digest: str) -> Bearer | None:
    """The user of a token, in one query; None if there is no token or the user is deleted."""
    rows = tx.execute(_BEARER, {"digest": digest}).all()
    if not rows:
        return None
    first = rows[0]
    return Bearer(
        user_id=first.user_id,
        user_name=first.user_name,
        project_id=first.project_id,
        project_name=first.project_name or "",
        is_system=first.is_system,
        roles=frozenset(row.role for row in rows if row.role is not None),
        is_enabled=first.user_enabled and (first.project_id is None or bool(first.project_enabled)),
        expires=first.expires,
        revoked=first.revoked,
        credential_id=first.credential_id,
        delegated=None if first.delegated is None else tuple(first.delegated),
        unrestricted=bool(first.unrestricted),
        access_rules=first.access_rules,
    )


def revoke_token(tx: Tx, digest: str, now: datetime) -> None:
    """Ends one token and what was made from it."""
    _revoke(tx, tokens.c.digest == digest, now)


def revoke_user_tokens(tx: Tx, user_id: UserId, now: datetime) -> None:
    """Ends all tokens of a user."""
    _revoke(tx, tokens.c.user_id == user_id, now)


def revoke_project_tokens(tx: Tx, project_id: str, now: datetime, user_id: UserId | None = None) -> None:
    """Ends the tokens of a project, of one user or of all, and what was made from them."""
    which = tokens.c.project_id == project_id
    _revoke(tx, which if user_id is None else and_(which, tokens.c.user_id == user_id), now)


def revoke_system_tokens(tx: Tx, user_id: UserId, now: datetime) -> None:
    """Ends a user's tokens for the whole system, and what was made from them."""
    _revoke(tx, and_(tokens.c.is_system.is_(True), tokens.c.user_id == user_id), now)


def revoke_credential_tokens(tx: Tx, credential_id: str, now: datetime) -> None:
    """Ends the tokens that an application credential gave."""
    _revoke(tx, tokens.c.credential_id == credential_id, now)


def _revoke(tx: Tx, which: ColumnElement[bool], now: datetime) -> None:
    # WITH RECURSIVE chain AS (the tokens, and those whose parent is in the chain) UPDATE tokens SET revoked …
    first = select(tokens.c.digest).where(which).cte("chain", recursive=True)
    made = tokens.alias("made")
    chain = first.union(select(made.c.digest).join(first, made.c.parent == first.c.digest))
    ended = and_(tokens.c.digest.in_(select(chain.c.digest)), tokens.c.revoked.is_(None))
    tx.execute(update(tokens).where(ended).values(revoked=now))
