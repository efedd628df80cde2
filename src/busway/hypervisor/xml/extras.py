"""What a guest has beside disks, cards and granted devices: entropy, TPM, watchdog, IOMMU, the agent's channel.

A virtio device without an address goes behind a root port of its own, which libvirt adds after ours.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_machine import Machine
from busway.hypervisor.xml.element import add_text

AGENT_CHANNEL = "org.qemu.guest_agent.0"
_PERIOD_MS = 1000


def add_extras(devices: ET.Element, machine: Machine) -> None:
    """Adds what was asked for, and says "none" to what libvirt or QEMU would add unasked."""
    if machine.guest_agent:
        channel = ET.SubElement(devices, "channel", type="unix")
        ET.SubElement(channel, "target", type="virtio", name=AGENT_CHANNEL)
    _add_tpm(devices, machine)
    if machine.rng:
        _add_entropy(devices, machine)
    if machine.watchdog:
        ET.SubElement(devices, "watchdog", model="i6300esb", action=machine.watchdog)
    ET.SubElement(devices, "memballoon", model="none")
    _add_iommu(devices, machine)


def _add_tpm(devices: ET.Element, machine: Machine) -> None:
    """Adds a TPM; libvirt keeps its state, and deletes it with the domain's definition."""
    if machine.tpm:
        model = machine.tpm_model or ("tpm-crb" if machine.tpm == "2.0" else "tpm-tis")
        tpm = ET.SubElement(devices, "tpm", model=model)
        ET.SubElement(tpm, "backend", type="emulator", version=machine.tpm)


def _add_entropy(devices: ET.Element, machine: Machine) -> None:
    source = ET.SubElement(devices, "rng", model="virtio")
    if machine.rng_bytes:
        period = str(machine.rng_period or _PERIOD_MS)
        ET.SubElement(source, "rate", bytes=str(machine.rng_bytes), period=period)
    add_text(source, "backend", "/dev/urandom", model="random")


def _add_iommu(devices: ET.Element, machine: Machine) -> None:
    """An Intel one remaps interrupts too, without which devices of the guest's own guests can't have any."""
    if machine.viommu:
        iommu = ET.SubElement(devices, "iommu", model=machine.viommu)
        if machine.viommu == "intel":
            ET.SubElement(iommu, "driver", intremap="on", caching_mode="on", iotlb="on")
