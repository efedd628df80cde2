"""Who asks: the user, the project they act in, and their roles there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from busway.domain.application_credential import AccessRule
from busway.domain.ids import ProjectId, UserId


@dataclass(frozen=True, slots=True)
class Delegation:
    """The application credential, or the trust, that a caller came with: its id, and what it may be used for.

    One that is not `unrestricted` makes and deletes no application credentials.
    """

    credential_id: str
    unrestricted: bool
    access_rules: tuple[AccessRule, ...] | None
    is_trust: bool = False


class Rights(Protocol):
    """The rules in force, as `busway.policy.Policy` has them."""

    def allows(self, caller: Caller, rule: str, target: Mapping[str, Any]) -> bool:
        """True when the rule lets the caller act on the target."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user in one project, on one domain, or on the whole system; an unscoped token has none of them.

    `domain_id` is the domain that the token is for; `project_domain_id` and `user_domain_id` are those that its project and its
    user are in. `policy` is None where the built-in rules hold.
    """

    user_id: UserId
    user_name: str
    project_id: ProjectId
    project_name: str = ""
    roles: frozenset[str] = frozenset()
    is_system: bool = False
    delegation: Delegation | None = None
    policy: Rights | None = field(default=None, compare=False, repr=False)
    domain_id: str = ""
    domain_name: str = ""
    project_domain_id: str = ""
    user_domain_id: str = ""

    @property
    def scope(self) -> str:
        """What the token is for: "system", "domain", "project", or "" for none of them."""
        if self.is_system:
            return "system"
        if self.domain_id:
            return "domain"
        return "project" if self.project_id else ""

    @property
    def credential_id(self) -> str | None:
        """The application credential or trust that the caller came with, if any."""
        return None if self.delegation is None else self.delegation.credential_id

    @property
    def trust_id(self) -> str | None:
        """The trust that the caller came with, if any."""
        return self.credential_id if self.delegation is not None and self.delegation.is_trust else None

    @property
    def is_admin(self) -> bool:
        """True when the caller may see everything."""
        if self.policy is None:
            return "admin" in self.roles
        return self.policy.allows(self, "context_is_admin", {})

    def may_see(self, project_id: ProjectId) -> bool:
        """True if resources of that project are visible to the caller."""
        return self.is_admin or (bool(project_id) and project_id == self.project_id)
