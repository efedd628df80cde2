"""What the operator says of an OpenID Connect provider."""

from __future__ import annotations

import json
from dataclasses import dataclass

from busway.domain.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class GroupRole:
    """Who is in a group of the provider has a role in a project."""

    group: str
    project: str
    role: str


@dataclass(frozen=True, slots=True)
class OpenId:
    """One provider; `name` and `protocol` are the parts of the path that clients log in at."""

    name: str
    issuer: str
    audience: str
    protocol: str = "openid"
    username_claim: str = "preferred_username"
    groups_claim: str = "groups"
    mapping: tuple[GroupRole, ...] = ()


def parse_mapping(text: str) -> GroupRole:
    """Reads `{"group": "ml", "project": "lab", "role": "member"}`; raises `InvalidConfig`."""
    try:
        given = json.loads(text)
        return GroupRole(**{name: str(given[name]) for name in ("group", "project", "role")})
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidConfig(
            f"[oidc] mapping can't be understood: {text}",
            detail=f"{type(error).__name__}: {error}.",
            remedy='Write {"group": "GROUP", "project": "PROJECT", "role": "ROLE"}.',
        ) from error
