"""The tags of a device spec: those with a meaning, and all others unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.device import DeviceKind, PciDevice
from busway.domain.resource_class import (
    LIVE_MIGRATABLE_TRAIT,
    MANAGED_TRAIT,
    ONE_TIME_USE_TRAIT,
    default_resource_class,
)


@dataclass(frozen=True, slots=True)
class DeviceTags:
    """The tags of one device spec.

    `physical_network` is the network that a device is reserved for, `tunnelled` True where the spec says null for it.
    `managed` False leaves the host's driver to the operator. `live_migratable` None is not the same as False: an alias
    that asks for False gets only devices that say False. `other` holds the keys without a meaning here.
    """

    physical_network: str | None = None
    tunnelled: bool = False
    trusted: bool = False
    remote_managed: bool = False
    managed: bool = True
    live_migratable: bool | None = None
    one_time_use: bool = False
    without_reset: bool = False  # whether it may go from one server to the next without a reset
    resource_class: str | None = None
    traits: frozenset[str] = frozenset()
    other: tuple[tuple[str, str], ...] = ()
    count: int = 0  # how many tags the spec has, class and traits left out; Nova gives devices with fewer first

    def class_of(self, device: PciDevice) -> str:
        """The resource class of a device that these tags are on."""
        return self.resource_class or default_resource_class(device.vendor_id, device.product_id)

    def traits_of(self, device: PciDevice) -> frozenset[str]:
        """The traits of a device that these tags are on, those that follow from other tags included."""
        derived = {MANAGED_TRAIT}
        if self.live_migratable:
            derived.add(LIVE_MIGRATABLE_TRAIT)
        if self.one_time_use and device.kind is not DeviceKind.VF:
            derived.add(ONE_TIME_USE_TRAIT)
        return self.traits | derived


NO_TAGS = DeviceTags()
