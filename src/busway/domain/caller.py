"""Who asks: the user, the project they act in, and their roles there."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.errors import Forbidden
from busway.domain.ids import ProjectId, UserId


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user in one project; `project_id` is "" for an unscoped token."""

    user_id: UserId
    user_name: str
    project_id: ProjectId
    project_name: str = ""
    roles: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """True when the caller may see and change everything."""
        return "admin" in self.roles

    def require_admin(self, act: str) -> None:
        """Raises `Forbidden` unless the caller is an admin; `act` completes "may not …"."""
        if not self.is_admin:
            raise Forbidden(
                f"User {self.user_name} may not {act}",
                detail=f"Roles in project {self.project_name or self.project_id or '(none)'}: {', '.join(sorted(self.roles)) or 'none'}.",
                remedy="Ask someone with the admin role.",
                code="admin-required",
            )

    def may_see(self, project_id: ProjectId) -> bool:
        """True when things of that project are visible to the caller."""
        return self.is_admin or project_id == self.project_id
