"""Devices that their operator keeps on a VFIO driver (`managed` no): given and taken back with the driver left alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.domain.errors import HostError
from busway.hardware import refusals
from busway.hardware.kernel import VFIO, KernelVerbs
from busway.hardware.scan import device_folder, read_device
from busway.hardware.vfio import Released, check_alive, check_bindable


def take_prepared(
    kernel: KernelVerbs,
    address: PciAddress,
    vendor_id: str,
    product_id: str,
    together: Collection[PciAddress] = (),
) -> PciDevice:
    """Refuses unless a guest can have the device as it stands: on vfio-pci, or on a variant driver of its vendor's.

    Each device that a VFIO driver has carries a folder `vfio-dev`, since Linux 6.1.
    """
    device = check_bindable(kernel, address, vendor_id, product_id, together)
    if not _is_on_vfio(kernel.root, device):
        raise refusals.not_prepared(address, device.driver)
    return device


def give_back_prepared(kernel: KernelVerbs, address: PciAddress) -> Released:
    """Resets the device and leaves it with its driver; doing it twice is harmless.

    A device that the host no longer shows counts as released: nobody can hold it.
    """
    device = read_device(kernel.root, address)
    if device is None:
        return Released(driver=None, reset=False, present=False)
    if device.iommu_group is not None and (holders := kernel.holders(device.iommu_group)):
        raise refusals.held(address, device.iommu_group, holders)
    try:
        reset = kernel.reset(address)
    except HostError as error:
        raise refusals.reset_failed(address, str(error)) from error
    check_alive(kernel.root, address)
    return Released(driver=device.driver, reset=reset)


def _is_on_vfio(root: Path, device: PciDevice) -> bool:
    return device.driver == VFIO or (device_folder(root, device.address) / "vfio-dev").is_dir()
