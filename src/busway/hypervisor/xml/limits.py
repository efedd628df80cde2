"""What limits a guest: shares and quotas of CPUs, rates of its disks, bandwidth of its network cards."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import asdict

from busway.domain.guest_machine.limits import DiskLimits, Limits
from busway.hypervisor.xml.element import add_text


def add_cpu_limits(domain: ET.Element, limits: Limits) -> None:
    """Adds the limits of CPUs, beside the pins where a guest has some."""
    if not limits.of_cpus:
        return
    found = domain.find("cputune")
    tune = ET.SubElement(domain, "cputune") if found is None else found
    for name, value in (("shares", limits.cpu_shares), ("period", limits.cpu_period), ("quota", limits.cpu_quota)):
        if value:
            add_text(tune, name, str(value))


def add_disk_limits(devices: ET.Element, limits: DiskLimits) -> None:
    """Adds the same limits to each disk that the guest can write to: each has them for itself, and the config drive has none."""
    if limits == DiskLimits():
        return
    for disk in devices.iterfind("disk"):
        if disk.find("readonly") is None:
            tune = ET.SubElement(disk, "iotune")
            for name, value in asdict(limits).items():
                if value:
                    add_text(tune, name, str(value))


def add_card_limits(card: ET.Element, limits: Limits) -> None:
    """Adds the bandwidth of a card on a bridge; libvirt's words are the guest's side too: inbound is to the guest."""
    if not limits.of_cards:
        return
    bandwidth = ET.SubElement(card, "bandwidth")
    for name, rates in (("inbound", limits.inbound), ("outbound", limits.outbound)):
        if rates.average:
            ET.SubElement(bandwidth, name, {key: str(value) for key, value in asdict(rates).items() if value})
