"""Tokens. Only the SHA-256 of the secret is stored, so that a stolen database contains no usable token.

A token that was issued for another one refers to it (`parent`): revoking a token revokes all that were issued for
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from busway.domain.assignment import Actor, Assignment, Place
from busway.domain.ids import ProjectId, UserId
from busway.store.application_credentials import application_credentials
from busway.store.assignments import held_roles, list_implied_ids
from busway.store.database import Tx
from busway.store.json_list import holds
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.projects import ids_in_domain, project_tree, projects
from busway.store.roles import roles
from busway.store.trusts import trusts
from busway.store.user_groups import group_members
from busway.store.users import users

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
    Column("domain_id", String(64)),
    Column("trust_id", String(32), index=True),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as stored; without `project_id`, `domain_id` and `is_system` it is unscoped."""

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
    domain_id: str | None = None
    trust_id: str | None = None


def add_token(tx: Tx, row: TokenRow) -> None:
    """Adds a token."""
    tx.execute(insert(tokens).values(**{c.name: getattr(row, c.name) for c in tokens.c}))


def find_token(tx: Tx, digest: str) -> TokenRow | None:
    """Returns a token, even if it has expired or was revoked, or None."""
    row = tx.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else TokenRow(**row._mapping)


def has_logged_in(tx: Tx, user_id: str, method: str, since: datetime) -> bool:
    """Returns True if a user has logged in with a method since a time; a token made from one of such a log-in is none itself."""
    # SELECT … WHERE issued >= ? AND (user_id = ? OR trust_id IN (those with this trustee))
    #   AND methods hold ? AND NOT EXISTS (the token it was made from, whose methods hold it too)
    above = tokens.alias("above")
    theirs = select(trusts.c.id).where(trusts.c.trustee_id == user_id)
    earlier = exists().where(above.c.digest == tokens.c.parent, holds(tx, above.c.methods, method))
    which = (
        or_(tokens.c.user_id == user_id, tokens.c.trust_id.in_(theirs)),
        tokens.c.issued >= since,
        holds(tx, tokens.c.methods, method),
        ~earlier,
    )
    return tx.execute(select(tokens.c.digest).where(*which).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token with the names and roles that every request needs.

    `roles` are names by id: of the roles that its user holds, or the trustor of its trust. `delegated` are the role
    ids of its application credential or trust, None if it has neither.
    """

    user_id: UserId
    user_name: str
    user_domain_id: str
    project_id: ProjectId | None
    project_name: str
    project_domain_id: str
    domain_id: str | None
    domain_name: str
    is_system: bool
    roles: Mapping[str, str]
    is_enabled: bool
    expires: datetime
    revoked: datetime | None
    credential_id: str | None
    delegated: tuple[str, ...] | None
    unrestricted: bool
    access_rules: list[dict[str, Any]] | None
    trust_id: str | None


def _bearer() -> Select[Any]:
    # WITH asked AS (the token), holder AS (its user or the trustor, and its scope), held AS (what the holder holds there)
    # SELECT … FROM asked JOIN users JOIN domains LEFT JOIN project, its domain, the domain, the credential, the trust, LEFT JOIN held
    asked = select(tokens).where(tokens.c.digest == bindparam("digest")).cte("asked")
    holder = (
        select(
            func.coalesce(trusts.c.trustor_id, asked.c.user_id).label("user_id"),
            asked.c.project_id,
            asked.c.domain_id,
            asked.c.is_system,
        )
        .select_from(asked)
        .outerjoin(trusts, trusts.c.id == asked.c.trust_id)
        .cte("holder")
    )
    held = held_roles(holder)
    named = (
        select(roles.c.id, roles.c.name)
        .join(held, held.c.role_id == roles.c.id)
        .where(roles.c.domain_id == "")
        .subquery()
    )
    user_domain, of_project, scope = (projects.alias(name) for name in ("user_domain", "of_project", "scope"))
    return (
        select(
            asked.c.user_id,
            asked.c.project_id,
            asked.c.domain_id,
            asked.c.is_system,
            asked.c.expires,
            asked.c.revoked,
            asked.c.credential_id,
            users.c.name.label("user_name"),
            users.c.domain_id.label("user_domain_id"),
            and_(users.c.enabled, user_domain.c.enabled).label("user_enabled"),
            projects.c.name.label("project_name"),
            projects.c.domain_id.label("project_domain_id"),
            and_(projects.c.enabled, of_project.c.enabled).label("project_enabled"),
            scope.c.name.label("domain_name"),
            scope.c.enabled.label("domain_enabled"),
            named.c.id.label("role_id"),
            named.c.name.label("role"),
            asked.c.trust_id,
            application_credentials.c.roles.label("delegated"),
            trusts.c.roles.label("trusted"),
            application_credentials.c.unrestricted,
            application_credentials.c.access_rules,
        )
        .select_from(asked)
        .join(users, users.c.id == asked.c.user_id)
        .join(user_domain, user_domain.c.id == users.c.domain_id)
        .outerjoin(projects, projects.c.id == asked.c.project_id)
        .outerjoin(of_project, of_project.c.id == projects.c.domain_id)
        .outerjoin(scope, scope.c.id == asked.c.domain_id)
        .outerjoin(application_credentials, application_credentials.c.id == asked.c.credential_id)
        .outerjoin(trusts, trusts.c.id == asked.c.trust_id)
        .outerjoin(named, true())
    )


_BEARER = _bearer()


def find_bearer(tx: Tx, digest: str) -> Bearer | None:
    """Returns the bearer of a token, in one query, two for a delegated one; None if token or user do not exist."""
    rows = tx.execute(_BEARER, {"digest": digest}).all()
    if not rows:
        return None
    first = rows[0]
    delegated = first.delegated if first.trust_id is None else first.trusted
    return Bearer(
        user_id=first.user_id,
        user_name=first.user_name,
        user_domain_id=first.user_domain_id,
        project_id=first.project_id,
        project_name=first.project_name or "",
        project_domain_id=first.project_domain_id or "",
        domain_id=first.domain_id,
        domain_name=first.domain_name or "",
        is_system=first.is_system,
        roles={row.role_id: row.role for row in rows if row.role_id is not None},
        is_enabled=bool(
            first.user_enabled
            and (first.project_id is None or first.project_enabled)
            and (first.domain_id is None or first.domain_enabled)
        ),
        expires=first.expires,
        revoked=first.revoked,
        credential_id=first.credential_id,
        delegated=None if delegated is None else tuple(sorted(list_implied_ids(tx, delegated))),
        unrestricted=bool(first.unrestricted),
        access_rules=first.access_rules,
        trust_id=first.trust_id,
    )


def revoke_token(tx: Tx, digest: str, now: datetime) -> None:
    """Revokes a token and those issued for it."""
    _revoke(tx, tokens.c.digest == digest, now)


def revoke_user_tokens(tx: Tx, user_id: UserId, now: datetime) -> None:
    """Revokes all tokens of a user, and those of trusts that the user is trustor or trustee of."""
    theirs = or_(trusts.c.trustor_id == user_id, trusts.c.trustee_id == user_id)
    _revoke(tx, or_(tokens.c.user_id == user_id, _of_trusts(theirs)), now)


def revoke_project_tokens(tx: Tx, project_id: str, now: datetime, user_id: UserId | None = None) -> None:
    """Revokes the tokens of a project, of one user or all, and those issued for them."""
    which = tokens.c.project_id == project_id
    if user_id is not None:
        which = and_(which, or_(tokens.c.user_id == user_id, _of_trusts(trusts.c.trustor_id == user_id)))
    _revoke(tx, which, now)


def revoke_assigned_tokens(tx: Tx, taken: Assignment, now: datetime) -> None:
    """Revokes the tokens that had rights by an assignment, and those issued for them."""
    members = select(group_members.c.user_id).where(group_members.c.group_id == taken.actor_id)
    if taken.actor is Actor.USER:
        is_theirs = or_(tokens.c.user_id == taken.actor_id, _of_trusts(trusts.c.trustor_id == taken.actor_id))
    else:
        is_theirs = or_(tokens.c.user_id.in_(members), _of_trusts(trusts.c.trustor_id.in_(members)))
    below = select(project_tree.c.project_id).where(project_tree.c.ancestor_id == taken.place_id)
    there: ColumnElement[bool]
    if taken.inherited:
        there = tokens.c.project_id.in_(below)
    elif taken.place is Place.SYSTEM:
        there = tokens.c.is_system.is_(True)
    else:
        there = (tokens.c.project_id if taken.place is Place.PROJECT else tokens.c.domain_id) == taken.place_id
    _revoke(tx, and_(is_theirs, there), now)


def revoke_tokens_within(tx: Tx, domain_id: str, now: datetime) -> None:
    """Revokes all tokens for a domain, for projects in it, and of users in it."""
    within = select(users.c.id).where(users.c.domain_id == domain_id)
    trusted = _of_trusts(or_(trusts.c.trustor_id.in_(within), trusts.c.trustee_id.in_(within)))
    theirs = or_(tokens.c.user_id.in_(within), trusted)
    _revoke(tx, or_(tokens.c.domain_id == domain_id, tokens.c.project_id.in_(ids_in_domain(domain_id)), theirs), now)


def revoke_credential_tokens(tx: Tx, credential_id: str, now: datetime) -> None:
    """Revokes the tokens of an application credential."""
    _revoke(tx, tokens.c.credential_id == credential_id, now)


def revoke_trust_tokens(tx: Tx, trust_ids: list[str], now: datetime) -> None:
    """Revokes the tokens of trusts."""
    _revoke(tx, tokens.c.trust_id.in_(trust_ids), now)


def revoke_made_tokens(tx: Tx, credential_id: str, now: datetime) -> None:
    """Revokes the tokens of an access key, which is their parent."""
    _revoke(tx, tokens.c.parent == credential_id, now)


def _of_trusts(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return tokens.c.trust_id.in_(select(trusts.c.id).where(which))


def _revoke(tx: Tx, which: ColumnElement[bool], now: datetime) -> None:
    # WITH RECURSIVE chain AS (the tokens, and those whose parent is in the chain) UPDATE tokens SET revoked …
    first = select(tokens.c.digest).where(which).cte("chain", recursive=True)
    made = tokens.alias("made")
    chain = first.union(select(made.c.digest).join(first, made.c.parent == first.c.digest))
    ended = and_(tokens.c.digest.in_(select(chain.c.digest)), tokens.c.revoked.is_(None))
    tx.execute(update(tokens).where(ended).values(revoked=now))
