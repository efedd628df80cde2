"""A group of users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from busway.domain.identity import DOMAIN_ID


@dataclass(frozen=True, slots=True)
class UserGroup:
    """Users of any domain who have the group's roles; its name is unique in its domain."""

    id: str
    name: str
    description: str = ""
    domain_id: str = DOMAIN_ID
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
