"""A flavor: what a server is given, with extra specs such as `pci_passthrough:alias`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from busway.domain.ids import FlavorId


@dataclass(frozen=True, slots=True)
class Flavor:
    """A named size; a server keeps a copy of its flavor as it was at boot."""

    id: FlavorId
    name: str
    ram_mb: int
    vcpus: int
    disk_gb: int
    ephemeral_gb: int = 0
    swap_mb: int = 0
    is_public: bool = True
    description: str | None = None
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    rxtx_factor: float = 1.0  # kept as it is given: nothing depends on it, as in Nova with libvirt

    @property
    def local_gb(self) -> int:
        """What its disks take of a host together, as Nova's DISK_GB: swap in whole GB, rounded up."""
        return self.disk_gb + self.ephemeral_gb + -(-self.swap_mb // 1024)
