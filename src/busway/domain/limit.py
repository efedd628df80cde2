"""Limits under Keystone's names (unified limits): the quotas of Busway, each a resource of one of its services."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from busway.domain.ids import ProjectId
from busway.domain.quota import CLASSES, DEVICES, OF_IMAGES, OF_NETWORKS

# Keystone's resource of the compute service by the quota's name. Source: the unified limits of Nova.
_COMPUTE = {
    "instances": "servers",
    "cores": "class:VCPU",
    "ram": "class:MEMORY_MB",
    "disk": "class:DISK_GB",
    "key_pairs": "server_key_pairs",
    "metadata_items": "server_metadata_items",
    "server_groups": "server_groups",
    "server_group_members": "server_group_members",
    "injected_files": "server_injected_files",
    "injected_file_content_bytes": "server_injected_file_content_bytes",
    "injected_file_path_bytes": "server_injected_file_path_bytes",
}
_QUOTAS = {name: quota for quota, name in _COMPUTE.items()}

# How limits of projects and domains depend on each other. Source: Keystone's enforcement models.
FLAT, TWO_LEVELS = "flat", "strict_two_level"
MODELS = {
    FLAT: "Limits are of single projects; those of a project and of the projects below it are independent.",
    TWO_LEVELS: "A limit of a domain is for all its projects together, and no project has a higher one of its own.",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A resource that Busway counts: the type of its service and its name there, and the quota that it is."""

    service: str
    name: str
    quota: str

    @property
    def id(self) -> str:
        """The id of its registered limit: the same for ever."""
        return hashlib.sha256(f"registered limit/{self.service}/{self.name}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class RegisteredLimit:
    """The limit of all projects that have none of their own; `is_set` is False where it is that of the configuration."""

    counted: Counted
    default: int
    description: str | None = None
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of one project, or of all projects of a domain together; -1 is none."""

    id: str
    owner: ProjectId
    counted: Counted
    limit: int
    description: str | None = None
    is_of_domain: bool = False

    @property
    def project_id(self) -> ProjectId | None:
        """The project that has it."""
        return None if self.is_of_domain else self.owner

    @property
    def domain_id(self) -> str | None:
        """The domain that has it."""
        return self.owner if self.is_of_domain else None


def counted_as(quota: str) -> Counted:
    """A quota as a resource of a service."""
    if quota in OF_IMAGES:
        return Counted("image", quota, quota)
    if quota in OF_NETWORKS:
        return Counted("network", quota, quota)
    if quota.startswith(CLASSES):
        return Counted("compute", f"class:{quota.removeprefix(CLASSES)}", quota)
    return Counted("compute", _COMPUTE.get(quota, quota), quota)


def quota_of(service: str, name: str) -> str:
    """The quota that a resource of a service would be, whether there is one or not."""
    if service == "compute" and name in _QUOTAS:
        return _QUOTAS[name]
    if service == "compute" and name.startswith("class:"):
        return f"{CLASSES}{name.removeprefix('class:')}"
    return name if service != "compute" or name.startswith(DEVICES) else ""
