"""The documents of version 1 as an agent and a control plane of then read them: kept as they were, and never changed.

A reader of then takes a whole document or refuses it whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.domain.host_facts import GuestKind, HostCell
from busway.domain.ids import ImageId, ServerId
from busway.domain.server import PowerState

_T = TypeVar("_T")


def read_version_1(data: bytes, kind: type[_T]) -> _T:
    return msgspec.json.decode(data, type=kind, dec_hook=_from_text)


def _from_text(kind: type, value: Any) -> Any:
    if kind is PciAddress:
        return PciAddress(value)
    raise NotImplementedError(kind.__name__)


@dataclass(frozen=True, slots=True)
class ImageRef:
    id: ImageId
    sha256: str
    size: int
    disk_format: str


@dataclass(frozen=True, slots=True)
class Nic:
    mac: str
    address: str
    prefix: int
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class DesiredDevice:
    address: PciAddress
    vendor_id: str
    product_id: str
    managed: bool = True


@dataclass(frozen=True, slots=True)
class ConfigDrive:
    meta_data: str
    network_data: str
    user_data: str = ""


@dataclass(frozen=True, slots=True)
class DesiredCell:
    vcpus: int
    ram_mb: int
    node: int
    cpus: str


@dataclass(frozen=True, slots=True)
class DesiredServer:
    id: ServerId
    name: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    image: ImageRef
    devices: tuple[DesiredDevice, ...]
    nics: tuple[Nic, ...]
    config_drive: ConfigDrive
    powered: bool = True
    starts: int = 1
    reboots: int = 0
    hard_reboot: bool = False
    disks: tuple[int, ...] = (1,)
    upload: ImageId | None = None
    cells: tuple[DesiredCell, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    host: str
    generation: int
    servers: tuple[DesiredServer, ...] = ()
    absent: tuple[ServerId, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    step: str
    brief: str
    detail: str = ""
    remedy: str = ""
    code: str = "host-error"


@dataclass(frozen=True, slots=True)
class ObservedServer:
    id: ServerId
    power: PowerState | None
    starts: int = 0
    reboots: int = 0
    devices: tuple[PciAddress, ...] = ()
    fault: Fault | None = None
    disk: int = 1


@dataclass(frozen=True, slots=True)
class HeldDevice:
    address: PciAddress
    server_id: ServerId
    previous_driver: str | None
    fault: Fault | None = None
    managed: bool = True


@dataclass(frozen=True, slots=True)
class HostResources:
    vcpus: int
    ram_mb: int
    disk_gb: int
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0
    cpu_model: str = ""
    virt_type: str = "kvm"
    architecture: str = ""
    cpu_features: tuple[str, ...] = ()
    cells: tuple[HostCell, ...] = ()
    guests: tuple[GuestKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    host: str
    sequence: int
    generation: int
    boot_id: str
    resources: HostResources
    inventory: tuple[PciDevice, ...] = ()
    servers: tuple[ObservedServer, ...] = ()
    held: tuple[HeldDevice, ...] = ()
    agent_version: str = ""
    iommu: bool = False
    notes: tuple[str, ...] = field(default=())
