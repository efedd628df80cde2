"""Application credentials and their access rules, as in Keystone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from busway.domain.ids import ProjectId, UserId


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One kind of request that a credential permits.

    `service` is a type of the catalog, `path` the path below its version's root as in `/v2.1/servers/{server_id}`. In it `*`
    and `{…}` stand for one part of a path, and `**` for any number of them. Source: Keystone's access rules.
    """

    id: str
    service: str
    method: str
    path: str

    def permits(self, service: str, method: str, path: str) -> bool:
        """True when a request is of this kind."""
        wanted = self.path.strip("/").split("/")
        return (service, method.upper()) == (self.service, self.method) and _matches(wanted, path.strip("/").split("/"))

    def as_dict(self) -> dict[str, str]:
        """The rule as it is stored and shown."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ApplicationCredential:
    """Some of a user's roles in one project, under a secret of its own.

    `roles` are ids, of those that others imply too. `access_rules` None permits every request. An `unrestricted` one may make and
    delete application credentials.
    """

    id: str
    name: str
    user_id: UserId
    project_id: ProjectId
    description: str
    roles: tuple[str, ...]
    access_rules: tuple[AccessRule, ...] | None
    unrestricted: bool
    expires: datetime | None


def _matches(wanted: list[str], parts: list[str]) -> bool:
    """Compares part by part; each `**` is tried at its shortest first, which costs at most len(wanted) * len(parts)."""
    reached = {0}
    for part in wanted:
        if part == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
            continue
        any_one = part == "*" or (part.startswith("{") and part.endswith("}"))
        reached = {place + 1 for place in reached if place < len(parts) and (any_one or parts[place] == part)}
    return len(parts) in reached
