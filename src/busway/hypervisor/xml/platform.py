"""The machine itself: firmware, features, CPU, clock, and none of what libvirt or QEMU would add unasked."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_machine import Machine
from busway.hypervisor.guest import GuestFiles, GuestOptions
from busway.hypervisor.xml.element import add_text

_BOOT_MENU_MS = "10000"


def add_platform(
    domain: ET.Element, machine: Machine, files: GuestFiles, options: GuestOptions, *, by_device: bool = False
) -> None:
    """Adds firmware and machine type, features, CPU, clock and what follows when the guest ends.

    The guest boots from its first disk, or `by_device`: then disks say their place in the order themselves.
    """
    system = _add_system(domain, machine, files, options)
    if not by_device:
        ET.SubElement(system, "boot", dev="hd")
    if machine.boot_menu:
        ET.SubElement(system, "bootmenu", enable="yes", timeout=_BOOT_MENU_MS)
    _add_features(domain, machine)
    _add_cpu(domain, machine, options)
    clock = ET.SubElement(domain, "clock", offset="utc")
    if machine.hpet:
        ET.SubElement(clock, "timer", name="hpet", present="yes")
    for event, act in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        add_text(domain, f"on_{event}", act)


def _add_system(domain: ET.Element, machine: Machine, files: GuestFiles, options: GuestOptions) -> ET.Element:
    """Lets libvirt choose among the OVMF builds of its host; the guest's variables are with its other files."""
    uefi = machine.firmware == "uefi"
    system = ET.SubElement(domain, "os", {"firmware": "efi"} if uefi else {})
    add_text(system, "type", "hvm", arch=options.arch, machine=machine.machine_type or options.machine)
    if uefi:
        secure = "yes" if machine.secure_boot else "no"
        firmware = ET.SubElement(system, "firmware")
        for name in ("secure-boot", "enrolled-keys"):
            ET.SubElement(firmware, "feature", enabled=secure, name=name)
        add_text(system, "nvram", str(files.nvram))
    return system


def _add_features(domain: ET.Element, machine: Machine) -> None:
    features = ET.SubElement(domain, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    if machine.hide_hypervisor:
        ET.SubElement(ET.SubElement(features, "kvm"), "hidden", state="on")
    if machine.pmu is not None:
        ET.SubElement(features, "pmu", state="on" if machine.pmu else "off")
    if machine.secure_boot:
        ET.SubElement(features, "smm", state="on")
    if machine.viommu == "intel":
        ET.SubElement(features, "ioapic", driver="qemu")  # which interrupt remapping needs


def _add_cpu(domain: ET.Element, machine: Machine, options: GuestOptions) -> None:
    cpu = ET.SubElement(domain, "cpu", mode=options.cpu_mode)
    if options.cpu_model:
        add_text(cpu, "model", options.cpu_model)
    if machine.topology is not None:
        sockets, cores, threads = map(str, machine.topology)
        ET.SubElement(cpu, "topology", sockets=sockets, cores=cores, threads=threads)
    if machine.address_mode:
        bits = {"bits": str(machine.address_bits)} if machine.address_bits else {}
        ET.SubElement(cpu, "maxphysaddr", {"mode": machine.address_mode, **bits})
