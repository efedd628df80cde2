"""A server group: servers of one project that belong together, or apart, on hosts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from busway.domain.errors import BadInput
from busway.domain.ids import GroupId, ProjectId, ServerId, UserId

GROUP_HINT = "group"


class GroupPolicy(StrEnum):
    """What a group asks for; the soft ones are followed as far as there is room, and refuse no host."""

    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    SOFT_AFFINITY = "soft-affinity"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity"

    @property
    def is_soft(self) -> bool:
        """True when it orders hosts and excludes none."""
        return self in (GroupPolicy.SOFT_AFFINITY, GroupPolicy.SOFT_ANTI_AFFINITY)

    @property
    def is_together(self) -> bool:
        """True when the servers belong on one host."""
        return self in (GroupPolicy.AFFINITY, GroupPolicy.SOFT_AFFINITY)


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its project sees it; `max_per_host` is for anti-affinity, 1 unless it was said."""

    id: GroupId
    name: str
    policy: GroupPolicy
    project_id: ProjectId
    user_id: UserId
    created: datetime
    max_per_host: int | None = None
    members: tuple[ServerId, ...] = ()


def check_group(policy: GroupPolicy, max_per_host: int | None) -> None:
    """Raises `BadInput` for a rule that its policy has no use for."""
    if max_per_host is not None and policy is not GroupPolicy.ANTI_AFFINITY:
        raise BadInput(
            f"max_server_per_host can't be used with the policy {policy}",
            detail=f"Only {GroupPolicy.ANTI_AFFINITY} uses it.",
            remedy="Omit the rule, or choose that policy.",
            code="group-rule",
        )
