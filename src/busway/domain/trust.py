"""Trusts: a user (the trustor) lets another (the trustee) act with some of their roles in one project, as in Keystone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.domain.ids import ProjectId, UserId

# How often a trust may be handed on. Source: Keystone's max_redelegation_count.
MOST_REDELEGATIONS = 3


@dataclass(frozen=True, slots=True)
class Trust:
    """One trust. With `impersonation` the trustee's tokens are of the trustor, otherwise of the trustee.

    `roles` are ids, of those that others imply too. `remaining_uses` None is any number. One that was made with a token of another
    trust names it (`parent_id`); `redelegation_count` is how many more may be made one from the other.
    """

    id: str
    trustor_id: UserId
    trustee_id: UserId
    project_id: ProjectId
    roles: tuple[str, ...]
    impersonation: bool = False
    expires: datetime | None = None
    remaining_uses: int | None = None
    redelegation_count: int = 0
    parent_id: str | None = None
