"""The devices of the fake hypervisor's guests: what libvirt and QEMU check, and the VFIO groups that a guest has open."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.ids import ServerId
from busway.hardware.function_read import read_function
from busway.hardware.machine import Machine
from busway.testing.hypervisor_domains import Domains, refused, uses


class GuestDevices:
    """The devices of a machine whose /sys and /proc are under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self, domains: Domains, server_id: ServerId, address: PciAddress) -> None:
        """Refuses what libvirt and QEMU refuse of a PCI function: one that is absent, used, not on vfio-pci or no vGPU."""
        users = [d["name"] for other, d in domains.items() if other != server_id and uses(d, address)]
        machine = Machine.read(self._root)
        device = machine.find(address)
        group = machine.groups.get(device.iommu_group) if device and device.iommu_group is not None else None
        if users:
            words = (
                f"Requested operation is not valid: PCI device {address} is in use by driver QEMU, domain {users[0]}"
            )
        elif device is None:
            words = f"vfio /sys/bus/pci/devices/{address}: no such host device"
        elif not device.is_on_vfio:
            words = f"internal error: PCI device {address} is not bound to vfio-pci, but to {device.driver}"
        elif (vgpu := device.vendor_vgpu) is not None and not vgpu.current:
            words = f"vfio {address}: error getting device from group: Invalid argument"  # it is no vGPU
        elif group is None or not all(member.keeps_viable for member in group.members):
            words = f"vfio {address}: group {device.iommu_group} is not viable"
        else:
            return
        raise refused("start", server_id, words)

    def check_mdev(self, server_id: ServerId, uuid: str) -> None:
        """Refuses a mediated device that is absent, or that another process has open."""
        if not (self._root / "sys/bus/mdev/devices" / uuid).is_symlink():
            words = f"device not found: mediated device '{uuid}' not found"
            raise refused("start", server_id, words)
        group = self._mdev_group(uuid)
        if any(link.readlink() == Path(group) for link in self._root.glob("proc/[0-9]*/fd/*")):
            raise refused("start", server_id, f"vfio {uuid}: failed to open {group}: Device or resource busy")

    def _mdev_group(self, uuid: str) -> str:
        folder = (self._root / "sys/bus/mdev/devices" / uuid).resolve()
        return f"/dev/vfio/{(folder / 'iommu_group').readlink().name}"

    def open_groups(self, server_id: ServerId, devices: tuple[PciAddress, ...], mdevs: tuple[str, ...]) -> None:
        """Opens the VFIO groups of devices as a process of the guest."""
        files = self.folder(server_id) / "fd"
        files.mkdir(parents=True, exist_ok=True)
        (files.parent / "comm").write_text("qemu-system-x86\n")
        for address in devices:
            device = read_function(self._root, address)
            link = files / str(address)
            if device is not None and not link.is_symlink():
                link.symlink_to(f"/dev/vfio/{device.iommu_group}")
        for uuid in mdevs:
            (files / uuid).unlink(missing_ok=True)
            (files / uuid).symlink_to(self._mdev_group(uuid))

    def folder(self, server_id: ServerId) -> Path:
        """The folder of the guest's process in the tree's /proc."""
        return self._root / "proc" / str(100_000 + zlib.crc32(server_id.encode()) % 900_000)

    def close(self, server_id: ServerId) -> None:
        """Ends the process of the guest, which closes all of its groups."""
        shutil.rmtree(self.folder(server_id), ignore_errors=True)

    def close_group(self, server_id: ServerId, thing: str) -> None:
        """Closes the group of one device."""
        (self.folder(server_id) / "fd" / thing).unlink(missing_ok=True)


def check_place(server_id: ServerId, devices: ET.Element, device: ET.Element) -> None:
    """Refuses a device without a free root port, as libvirt does."""
    place = device.find("address")
    bus = int(place.get("bus", "0"), 0) if place is not None else 0
    ports = {each.get("index") for each in devices.iterfind("controller[@model='pcie-root-port']")}
    taken = {int(each.get("bus", "0"), 0) for each in devices.iterfind("*/address[@type='pci']")} - {0}
    if str(bus) not in ports:
        words = f"XML error: Invalid PCI address 0000:{bus:02x}:00.0: no such controller"
        raise refused("plug a device into", server_id, words)
    if bus in taken:
        words = f"internal error: Attempted double use of PCI Address 0000:{bus:02x}:00.0"
        raise refused("plug a device into", server_id, words)
