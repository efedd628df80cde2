"""Access rules of users. They outlive the application credentials that they were created with, as in Keystone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ForeignKey, Row, String, Table, delete, func, insert, select

from busway.domain.application_credential import AccessRule
from busway.store.database import Tx
from busway.store.filtered_list import equal
from busway.store.metadata import metadata
from busway.store.paging import SortKey, page_of

access_rules = Table(
    "access_rules",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("service", String(255), nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", String(255), nullable=False),
)


@dataclass(frozen=True, slots=True)
class AccessRuleFilter:
    """A filter for the access rules of a user; None matches everything."""

    service: str | None = None
    method: str | None = None
    path: str | None = None
    limit: int | None = None
    marker: str | None = None


EVERY_RULE = AccessRuleFilter()


def add_rules(tx: Tx, user_id: str, rules: Sequence[AccessRule]) -> None:
    """Adds the rules that the user does not have yet."""
    statement = select(access_rules.c.id).where(access_rules.c.user_id == user_id)
    known = set(tx.execute(statement).scalars())
    for rule in rules:
        if rule.id not in known:
            known.add(rule.id)
            tx.execute(insert(access_rules).values(user_id=user_id, **rule.as_dict()))


def count_rules(tx: Tx, user_id: str) -> int:
    """Returns how many access rules a user has."""
    statement = select(func.count()).select_from(access_rules).where(access_rules.c.user_id == user_id)
    return int(tx.execute(statement).scalar_one())


def list_rules(tx: Tx, user_id: str, wanted: AccessRuleFilter = EVERY_RULE) -> list[AccessRule]:
    """Lists the access rules of a user that match a filter, by id."""
    of_user = access_rules.c.user_id == user_id
    statement = select(access_rules).where(of_user, *equal(access_rules, wanted, "service", "method", "path"))
    marker = None
    if wanted.marker is not None:
        marker = of_user & (access_rules.c.id == wanted.marker)
    paged = page_of(tx, statement, [SortKey(access_rules.c.id)], marker=marker, limit=wanted.limit)
    return [_rule(row) for row in tx.execute(paged)]


def find_rule(tx: Tx, user_id: str, rule_id: str) -> AccessRule | None:
    """Returns an access rule of a user, or None."""
    which = (access_rules.c.user_id == user_id, access_rules.c.id == rule_id)
    row = tx.execute(select(access_rules).where(*which)).one_or_none()
    return None if row is None else _rule(row)


def delete_rule(tx: Tx, user_id: str, rule_id: str) -> None:
    """Deletes an access rule."""
    tx.execute(delete(access_rules).where(access_rules.c.user_id == user_id, access_rules.c.id == rule_id))


def _rule(row: Row[Any]) -> AccessRule:
    return AccessRule(row.id, row.service, row.method, row.path)
