"""How each kind of resource is written into a domain and recognised there; one module per kind.

Each `hostdev` carries the claim as its alias (`ua-` and the claim's id), by which live XML and events name it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping

from busway.domain.grant import NO_CLAIM, Attachment
from busway.domain.guest_layout import GuestSlot, RootPort
from busway.domain.ids import ClaimId, UnitName
from busway.domain.units import Mdev, NicFunction, Unit, VgpuFunction, WholeFunction
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.xml.device import mdev, nic, pci, vgpu
from busway.hypervisor.xml.element import pci_address

_ALIAS = "ua-"  # libvirt keeps aliases that begin so, and no others

# What a domain names; a kind that joins others without being there itself has none (`Unit.is_attached`).
WRITERS: Mapping[type[Unit], Callable[[ET.Element, GuestSlot, GuestOptions], ET.Element]] = {
    WholeFunction: pci.add_function,
    NicFunction: nic.add_nic_function,
    Mdev: mdev.add_mdev,
    VgpuFunction: vgpu.add_vgpu,
}
# By what libvirt calls them; a vGPU's function is a PCI function to it, and the interface of a VF names one.
READERS: Mapping[tuple[str, str], Callable[[ET.Element], UnitName]] = {
    ("hostdev", "pci"): pci.read_function,
    ("hostdev", "mdev"): mdev.read_mdev,
    ("interface", "hostdev"): pci.read_function,
}


def add_device(devices: ET.Element, slot: GuestSlot, port: RootPort, options: GuestOptions) -> None:
    """Adds what was granted at its place in the guest."""
    element = WRITERS[type(slot.grant.unit)](devices, slot, options)
    if slot.grant.claim_id != NO_CLAIM:
        ET.SubElement(element, "alias", name=f"{_ALIAS}{slot.grant.claim_id}")
    place = {"type": "pci", **pci_address(0, port.index, 0, slot.function)}
    if slot.multifunction:
        place["multifunction"] = "on"
    ET.SubElement(element, "address", place)


def read_attachments(xml: str) -> tuple[Attachment, ...]:
    """What of its host a domain names, in its order; a kind of device that no module reads has no place here."""
    devices = ET.fromstring(xml).find("devices")  # noqa: S314 - written by libvirt
    return tuple(
        Attachment(read(element), _claim(element))
        for element in (() if devices is None else devices)
        if (read := READERS.get((element.tag, element.get("type", "")))) is not None
    )


def _claim(element: ET.Element) -> ClaimId:
    alias = element.find("alias")
    name = alias.get("name", "") if alias is not None else ""
    return ClaimId(name.removeprefix(_ALIAS)) if name.startswith(_ALIAS) else NO_CLAIM
