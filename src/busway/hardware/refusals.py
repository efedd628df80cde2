"""The errors of binding and releasing a device: each names who, and carries a code that never changes."""

from __future__ import annotations

from collections.abc import Sequence

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.domain.errors import HostError
from busway.hardware.kernel import Holder


def vanished(address: PciAddress) -> HostError:
    """The kernel no longer shows the device."""
    return HostError(
        f"There is no device at {address}",
        detail=f"/sys/bus/pci/devices/{address} does not exist on this host.",
        remedy="Check that the card is seated and powered, and that its address did not change after a reboot.",
        code="device-vanished",
    )


def changed(device: PciDevice, vendor_id: str, product_id: str) -> HostError:
    """Another device sits at the address."""
    found = f"{device.vendor_id or '?'}:{device.product_id or '?'}"
    return HostError(
        f"The device at {device.address} is {found}, not {vendor_id}:{product_id}",
        detail="The host's addresses have changed since it last reported, or the device no longer answers (ffff).",
        remedy="Delete the server and create it again; the host reports its devices as they are now.",
        code="device-changed",
    )


def no_iommu(address: PciAddress) -> HostError:
    """The device has no IOMMU group."""
    return HostError(
        f"{address} has no IOMMU group: the IOMMU of this host is off",
        detail="Without an IOMMU a guest's device could write to any memory of the host.",
        remedy="Switch on VT-d or AMD-Vi in the firmware, add intel_iommu=on to the kernel command line, and reboot.",
        code="no-iommu",
    )


def not_viable(address: PciAddress, group: int, others: Sequence[PciDevice]) -> HostError:
    """Other members of the group keep host drivers."""
    names = ", ".join(f"{other.address} {other.description} (driver {other.driver})" for other in others)
    return HostError(
        f"IOMMU group {group} of {address} is not viable: the host uses {len(others)} other member(s) of it",
        detail=f"Still with host drivers: {names}.",
        remedy="Hand out the whole group, or move the card to a slot with a group of its own.",
        code="group-not-viable",
    )


def held(address: PciAddress, group: int, holders: Sequence[Holder]) -> HostError:
    """Processes have the group open."""
    who = ", ".join(str(holder) for holder in holders)
    count = "1 process still holds" if len(holders) == 1 else f"{len(holders)} processes still hold"
    return HostError(
        f"{count} {address}: {who}",
        detail=f"/dev/vfio/{group} is open in {who}.",
        remedy="Stop the named processes; Busway does not take a device from a running program.",
        code="device-held",
    )


def bind_failed(address: PciAddress, driver: str | None, words: str) -> HostError:
    """vfio-pci did not get the device."""
    return HostError(
        f"{address} did not bind to vfio-pci",
        detail=f"{words} Its driver is now {driver or 'none'}.",
        remedy="Read `dmesg` for the kernel's own reason; another driver or a framebuffer may own the device's memory.",
        code="bind-failed",
    )


def not_prepared(address: PciAddress, driver: str | None) -> HostError:
    """A device that Busway shall leave with its driver has none that gives it to guests."""
    return HostError(
        f"{address} is on {driver or 'no driver'}, and its device spec leaves the driver to the operator",
        detail="With `managed` no, a device must be on vfio-pci or on a VFIO driver of its vendor's before a server gets it.",
        remedy="Bind it (`driverctl set-override`, or the vendor's tool), or take `managed` out of the device spec.",
        code="device-not-prepared",
    )


def release_failed(address: PciAddress, previous: str | None, words: str) -> HostError:
    """The device did not go back to where it came from."""
    return HostError(
        f"{address} could not be given back to {previous or 'no driver'}",
        detail=words,
        remedy="Read `dmesg` for the kernel's own reason; a device that hangs needs a power cycle of the host.",
        code="release-failed",
    )


def reset_failed(address: PciAddress, words: str) -> HostError:
    """The device has a reset method and it failed."""
    return HostError(
        f"{address} could not be reset",
        detail=words,
        remedy="Power-cycle the host before the device is used again; what a guest left in it may still be there.",
        code="reset-failed",
    )
