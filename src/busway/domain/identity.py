"""Projects, users, roles and tokens: the little of an identity service that a cloud's clients need.

There is one domain, `default`. Roles imply lesser ones, as in Keystone: admin > manager > member > reader; service implies none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.domain.application_credential import ApplicationCredential
from busway.domain.ids import ProjectId, UserId

DOMAIN_ID = "default"
DOMAIN_NAME = "Default"
ROLE_NAMES = ("admin", "manager", "member", "reader", "service")
_IMPLIED = {"admin": ("manager", "member", "reader"), "manager": ("member", "reader"), "member": ("reader",)}


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant: it owns servers, images and ports."""

    id: ProjectId
    name: str
    description: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may authenticate; the password's hash never leaves the store."""

    id: UserId
    name: str
    enabled: bool = True
    description: str = ""
    email: str | None = None
    default_project_id: ProjectId | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A named permission that a user is given in a project."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A user has a role in a project."""

    user: User
    project: Project
    role: Role


@dataclass(frozen=True, slots=True)
class Token:
    """A proven identity with an end; its secret is known to its bearer only.

    It is for a project, for the whole system (`is_system`), or for neither: then it is unscoped.
    """

    user: User
    project: Project | None
    roles: tuple[Role, ...]
    methods: tuple[str, ...]
    issued: datetime
    expires: datetime
    audit_id: str
    is_system: bool = False
    credential: ApplicationCredential | None = None


def with_implied(names: set[str]) -> set[str]:
    """Adds the roles that the given ones imply."""
    return names.union(*(_IMPLIED.get(name, ()) for name in names))
