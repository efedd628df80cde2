"""Tokens: only the sha256 of their secret is kept, so that a stolen database opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, and_, bindparam, delete, insert, select, update

from busway.domain.ids import ProjectId, UserId
from busway.store.database import Tx
from busway.store.identity import projects, role_assignments, roles, users
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
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is stored; `project_id` None means unscoped."""

    digest: str
    user_id: UserId
    project_id: ProjectId | None
    methods: list[str]
    audit_id: str
    issued: datetime
    expires: datetime
    revoked: datetime | None = None


def add_token(tx: Tx, row: TokenRow) -> None:
    """Stores a new token."""
    tx.execute(insert(tokens).values(**{c.name: getattr(row, c.name) for c in tokens.c}))


def find_token(tx: Tx, digest: str) -> TokenRow | None:
    """Reads a token, an expired or revoked one too, or None."""
    row = tx.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else TokenRow(**row._mapping)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token with the names and roles behind it, as every request needs them."""

    user_id: UserId
    user_name: str
    project_id: ProjectId | None
    project_name: str
    roles: frozenset[str]
    is_enabled: bool
    expires: datetime
    revoked: datetime | None


# SELECT … FROM tokens JOIN users LEFT JOIN projects LEFT JOIN role_assignments (of both) LEFT JOIN roles WHERE digest = ?
_BEARER = (
    select(
        tokens.c.user_id,
        tokens.c.project_id,
        tokens.c.expires,
        tokens.c.revoked,
        users.c.name.label("user_name"),
        users.c.enabled.label("user_enabled"),
        projects.c.name.label("project_name"),
        projects.c.enabled.label("project_enabled"),
        roles.c.name.label("role"),
    )
    .join(users, users.c.id == tokens.c.user_id)
    .outerjoin(projects, projects.c.id == tokens.c.project_id)
    .outerjoin(
        role_assignments,
        and_(
            role_assignments.c.user_id == tokens.c.user_id,
            role_assignments.c.project_id == tokens.c.project_id,
        ),
    )
    .outerjoin(roles, roles.c.id == role_assignments.c.role_id)
    .where(tokens.c.digest == bindparam("digest"))
)


def find_bearer(tx: Tx, digest: str) -> Bearer | None:
    """Who a token speaks for, in one query; None for no token or a user who is gone."""
    rows = tx.execute(_BEARER, {"digest": digest}).all()
    if not rows:
        return None
    first = rows[0]
    return Bearer(
        user_id=first.user_id,
        user_name=first.user_name,
        project_id=first.project_id,
        project_name=first.project_name or "",
        roles=frozenset(row.role for row in rows if row.role is not None),
        is_enabled=first.user_enabled and (first.project_id is None or bool(first.project_enabled)),
        expires=first.expires,
        revoked=first.revoked,
    )


def revoke_token(tx: Tx, digest: str, now: datetime) -> None:
    """Ends one token."""
    tx.execute(update(tokens).where(tokens.c.digest == digest).values(revoked=now))


def revoke_user_tokens(tx: Tx, user_id: UserId, now: datetime) -> None:
    """Ends all tokens of a user."""
    tx.execute(update(tokens).where(tokens.c.user_id == user_id, tokens.c.revoked.is_(None)).values(revoked=now))


def purge_tokens(tx: Tx, before: datetime) -> None:
    """Forgets the tokens that expired before a moment."""
    tx.execute(delete(tokens).where(tokens.c.expires < before))
