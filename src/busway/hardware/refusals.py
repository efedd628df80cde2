"""The errors of binding and releasing a device: each names who, and carries a code that never changes."""

from __future__ import annotations

from collections.abc import Sequence

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware.function import Function


def vanished(address: object) -> HostError:
    """The kernel no longer shows the device."""
    return HostError(
        f"There is no device at {address}",
        detail="The kernel of this host does not list it.",
        remedy="Check that the card is seated and powered, and that its address did not change after a reboot.",
        code="device-vanished",
    )


def changed(device: Function, vendor_id: str, product_id: str) -> HostError:
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
        detail="Without an IOMMU, a guest's device could write to any memory of the host.",
        remedy="Enable VT-d or AMD-Vi in the firmware, add intel_iommu=on to the kernel command line, and reboot.",
        code="no-iommu",
    )


def not_viable(address: PciAddress, group: int, others: Sequence[Function]) -> HostError:
    """Other members of the group keep host drivers."""
    names = ", ".join(f"{other.address} {other.description} (driver {other.driver})" for other in others)
    return HostError(
        f"IOMMU group {group} of {address} is not viable: the host uses {len(others)} other member(s) of it",
        detail=f"Still with host drivers: {names}.",
        remedy="Offer the whole group, or move the card to a slot with its own group.",
        code="group-not-viable",
    )


def not_prepared(address: PciAddress, driver: str | None) -> HostError:
    """A device that Busway must leave with its driver has none that gives it to guests."""
    return HostError(
        f"{address} is on {driver or 'no driver'}, and its device spec leaves the driver to the operator",
        detail="With `managed` no, a device must be bound to vfio-pci or to a VFIO driver of its vendor before a "
        "server gets it.",
        remedy="Bind it (`driverctl set-override`, or the vendor's tool), or remove `managed` from the device spec.",
        code="device-not-prepared",
    )


def unexpected_driver(address: PciAddress, driver: str | None, before: str | None) -> HostError:
    """Another driver has the device than vfio-pci or the one that it came from."""
    return HostError(
        f"{address} is on {driver or 'no driver'}, but Busway bound it to another driver",
        detail=f"It was taken from {before or 'no driver'}. The program that bound it may be using it, so Busway does "
        "not touch it.",
        remedy=f"Bind it to {before} again (`driverctl`), or unbind it; the agent retries automatically."
        if before
        else "Unbind it; the agent retries automatically.",
        code="driver-unexpected",
    )


def unsettled(device: object, pids: Sequence[int]) -> HostError:
    """The kernel has not finished an earlier write for the device."""
    return HostError(
        f"The kernel has not finished an earlier write for {device}",
        detail=f"Blocked: {', '.join(f'process {pid}' for pid in pids)}. The state of the device is unknown until it "
        "finishes.",
        remedy="Stop the process that uses the device (`fuser -v /dev/vfio/* /dev/nvidia* /dev/dri/*`), or reboot "
        "the host.",
        code="kernel-unsettled",
    )


def release_failed(address: PciAddress, previous: str | None, words: str, code: str = "release-failed") -> HostError:
    """The device did not go back to where it came from."""
    return HostError(
        f"{address} could not be returned to {previous or 'no driver'}",
        detail=words,
        remedy="Read `dmesg` for the kernel's own reason; if the device hangs, power-cycle the host.",
        code=code,
    )


def reset_failed(address: PciAddress, words: str, code: str = "reset-failed") -> HostError:
    """The device has a reset method and it failed."""
    return HostError(
        f"{address} could not be reset",
        detail=words,
        remedy="Power-cycle the host before the device is used again; the data of a guest may still be in it.",
        code=code,
    )
