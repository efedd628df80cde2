"""Takes a device from its host driver for a guest (`bind`) and gives it back (`release`).

Both act and then read back what the kernel did, with a deadline. A failed bind leaves driver and override as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.alive import is_gone
from busway.hardware.kernel import VFIO, KernelVerbs
from busway.hardware.scan import device_folder, link_name, read_device, read_text
from busway.hardware.undo import Undo

_POLL = 0.02  # seconds


@dataclass(frozen=True, slots=True)
class Released:
    """How a device went back: `reset` is False when it has no reset method, `present` when the host lost it."""

    driver: str | None
    reset: bool
    present: bool = True


def check_bindable(
    kernel: KernelVerbs,
    address: PciAddress,
    vendor_id: str,
    product_id: str,
    together: Collection[PciAddress] = (),
) -> PciDevice:
    """Refuses, naming who is in the way, unless the device can be handed to a guest now.

    `together` are the devices that go to the same guest; they may still have host drivers, for their turn comes. Other
    members of the group must be without a driver, on vfio-pci, or bridges: what VFIO counts as viable.
    """
    device = read_device(kernel.root, address)
    if device is None:
        raise refusals.vanished(address)
    if (device.vendor_id, device.product_id) != (vendor_id, product_id):
        raise refusals.changed(device, vendor_id, product_id)
    if device.iommu_group is None:
        raise refusals.no_iommu(address)
    others = [m for m in group_members(kernel.root, device) if m.address not in together and _keeps_host_driver(m)]
    if others:
        raise refusals.not_viable(address, device.iommu_group, others)
    if holders := kernel.holders(device.iommu_group):
        raise refusals.held(address, device.iommu_group, holders)
    return device


def bind(
    kernel: KernelVerbs,
    address: PciAddress,
    vendor_id: str,
    product_id: str,
    together: Collection[PciAddress] = (),
    *,
    patience: float = 20.0,
) -> str | None:
    """Binds a device to vfio-pci and returns the driver it had, None for none.

    A device that is on vfio-pci already is left as it is. `patience` is in seconds.
    """
    device = check_bindable(kernel, address, vendor_id, product_id, together)
    if device.driver == VFIO:
        return VFIO
    before = read_override(kernel.root, address)
    kernel.load_vfio()
    with Undo() as undo:
        undo.add(lambda: _put_back(kernel, address, device.driver, before, patience))
        try:
            kernel.override(address, VFIO)
            kernel.unbind(address)
            kernel.probe(address)
        except HostError as error:
            raise refusals.bind_failed(address, driver_of(kernel.root, address), str(error)) from error
        if not _await(lambda: driver_of(kernel.root, address) == VFIO, patience):
            words = f"The kernel took the address and after {patience:g} s vfio-pci has not taken the device."
            raise refusals.bind_failed(address, driver_of(kernel.root, address), words)
        undo.keep()
    return device.driver


def release(
    kernel: KernelVerbs, address: PciAddress, previous_driver: str | None, *, patience: float = 20.0
) -> Released:
    """Takes a device from vfio-pci, resets it, and gives it to `previous_driver` (None: leaves it without one).

    A device that the host no longer shows counts as released: nobody can hold it. Doing it twice is harmless.
    """
    device = read_device(kernel.root, address)
    if device is None:
        return Released(driver=None, reset=False, present=False)
    if device.driver == VFIO and device.iommu_group is not None and (holders := kernel.holders(device.iommu_group)):
        raise refusals.held(address, device.iommu_group, holders)
    if device.driver not in (VFIO, None):  # given back before, by us or by the operator
        kernel.override(address, "")
        return Released(driver=device.driver, reset=False)
    reset = _unbind_and_reset(kernel, address, keep_bound=previous_driver == VFIO)
    if previous_driver != VFIO:
        _give(kernel, address, previous_driver, patience)
    check_alive(kernel.root, address)
    return Released(driver=driver_of(kernel.root, address), reset=reset)


def driver_of(root: Path, address: PciAddress) -> str | None:
    """The driver that has the device now."""
    return link_name(device_folder(root, address) / "driver")


def read_override(root: Path, address: PciAddress) -> str:
    """The driver_override of a device, "" for none; the kernel prints "(null)" then."""
    text = read_text(device_folder(root, address) / "driver_override")
    return "" if text == "(null)" else text


def group_members(root: Path, device: PciDevice) -> tuple[PciDevice, ...]:
    """The other members of a device's IOMMU group, as they are now."""
    folder = root / "sys/kernel/iommu_groups" / str(device.iommu_group) / "devices"
    try:
        addresses = sorted(PciAddress(entry.name) for entry in folder.iterdir())
    except OSError:
        return ()
    found = [read_device(root, address) for address in addresses if address != device.address]
    return tuple(member for member in found if member is not None)


def _keeps_host_driver(device: PciDevice) -> bool:
    return device.driver not in (None, VFIO) and not device.is_bridge


def _unbind_and_reset(kernel: KernelVerbs, address: PciAddress, *, keep_bound: bool) -> bool:
    """Resets while the override still keeps host drivers away, so that a device that fails stays out of use."""
    try:
        if not keep_bound:
            kernel.override(address, VFIO)
            kernel.unbind(address)
    except HostError as error:
        raise refusals.release_failed(address, VFIO, str(error)) from error
    try:
        return kernel.reset(address)
    except HostError as error:
        raise refusals.reset_failed(address, str(error)) from error


def _give(kernel: KernelVerbs, address: PciAddress, driver: str | None, patience: float) -> None:
    """Gives an unbound device to exactly `driver`: the override names it for the probe and is then lifted."""
    try:
        if driver is not None:
            kernel.override(address, driver)
            kernel.probe(address)
        got = driver is None or _await(lambda: driver_of(kernel.root, address) == driver, patience)
        kernel.override(address, "")
    except HostError as error:
        raise refusals.release_failed(address, driver, str(error)) from error
    if not got:
        words = f"After {patience:g} s its driver is {driver_of(kernel.root, address) or 'none'}."
        raise refusals.release_failed(address, driver, words)


def _put_back(kernel: KernelVerbs, address: PciAddress, driver: str | None, override: str, patience: float) -> None:
    """Undoes a bind that failed half-way."""
    if driver_of(kernel.root, address) != driver:
        kernel.unbind(address)
        _give(kernel, address, driver, patience)
    kernel.override(address, override)


def check_alive(root: Path, address: PciAddress) -> None:
    """A device that reads as all ones after its reset is gone until the host is power-cycled."""
    if is_gone(device_folder(root, address)):
        raise refusals.reset_failed(address, "Its configuration space reads as all ones: it did not come back.")


def _await(reached: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
