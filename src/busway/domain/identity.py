"""Domains, projects, users, roles and tokens, as in Keystone.

A domain holds projects and users, whose names are unique in it; it is stored and shown as a project that `is_domain`. Projects
are a tree under their domain. Roles imply lesser ones: admin > manager > member > reader; service implies none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from busway.domain.application_credential import ApplicationCredential
from busway.domain.ids import ProjectId, UserId
from busway.domain.trust import Trust

DOMAIN_ID = "default"
DOMAIN_NAME = "Default"
ROLE_NAMES = ("admin", "manager", "member", "reader", "service")
# How many projects may stand below each other under a domain. Source: Keystone's max_project_tree_depth.
MOST_DEPTH = 5
MOST_TAGS = 80
# What the first start lets these roles imply, each what the next one implies too.
IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant: it owns servers, images and ports; or a domain, which has no `parent_id` and no `domain_id`.

    `extra` are attributes that Busway keeps and shows and that mean nothing to it.
    """

    id: ProjectId
    name: str
    description: str = ""
    enabled: bool = True
    domain_id: str = DOMAIN_ID
    parent_id: str | None = DOMAIN_ID
    is_domain: bool = False
    tags: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def is_immutable(self) -> bool:
        """True when nothing but this option of it may be changed."""
        return bool(self.options.get("immutable"))


def new_domain(domain_id: str, name: str, description: str = "", *, enabled: bool = True) -> Project:
    """A domain."""
    return Project(ProjectId(domain_id), name, description, enabled, domain_id="", parent_id=None, is_domain=True)


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may authenticate; the password's hash never leaves the store.

    `password_changed` is None for one that was set before Busway noted it, and for none.
    """

    id: UserId
    name: str
    enabled: bool = True
    description: str = ""
    email: str | None = None
    default_project_id: ProjectId | None = None
    domain_id: str = DOMAIN_ID
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    password_changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A named permission that a user or group is given somewhere; one of a domain opens nothing by itself."""

    id: str
    name: str
    domain_id: str = ""
    description: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A proven identity with an end; its secret is known to its bearer only.

    It is for a project, for a domain, for the whole system (`is_system`), or for none of them: then it is unscoped.
    `domains` has the names of the domains that are spoken of, by id.
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
    domain: Project | None = None
    trust: Trust | None = None
    domains: Mapping[str, str] = field(default_factory=dict, hash=False)
