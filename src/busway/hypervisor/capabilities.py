"""Reads what a host's libvirt says it can do, from its capabilities XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from busway.domain.guest_machine import MachineWord
from busway.domain.host_facts import GuestKind


def cpu_model(capabilities: str) -> str:
    """The host's CPU model in libvirt's words, "" when it does not say."""
    return ET.fromstring(capabilities).findtext("host/cpu/model", "")  # noqa: S314 - written by libvirt


def virt_types(capabilities: str) -> tuple[str, ...]:
    """The domain types that libvirt offers for x86_64 guests or else any, in its order, each once."""
    guests = ET.fromstring(capabilities).findall("guest")  # noqa: S314 - written by libvirt
    fitting = [guest for guest in guests if guest.find("arch[@name='x86_64']") is not None] or guests
    kinds = [kind.get("type", "") for guest in fitting for kind in guest.findall("arch/domain")]
    return tuple(dict.fromkeys(kind for kind in kinds if kind))


def architecture(capabilities: str) -> str:
    """The architecture of the host's CPUs, such as x86_64."""
    return ET.fromstring(capabilities).findtext("host/cpu/arch", "")  # noqa: S314 - written by libvirt


def cpu_features(capabilities: str) -> tuple[str, ...]:
    """What the host's CPUs have beyond their model, in libvirt's words."""
    found = ET.fromstring(capabilities).findall("host/cpu/feature")  # noqa: S314 - written by libvirt
    return tuple(sorted({name for feature in found if (name := feature.get("name"))}))


def guest_kinds(capabilities: str) -> tuple[GuestKind, ...]:
    """The guests that the host runs: each architecture with its hypervisors and its mode."""
    found = [
        GuestKind(arch.get("name", ""), domain.get("type", ""), guest.findtext("os_type", ""))
        for guest in ET.fromstring(capabilities).findall("guest")  # noqa: S314 - written by libvirt
        for arch in guest.findall("arch")
        for domain in arch.findall("domain")
    ]
    return tuple(dict.fromkeys(found))


def machine_words(domain_capabilities: str) -> tuple[str, ...]:
    """What guests' machines may have, from libvirt's domain capabilities; nothing but the XML where there are none.

    QEMU has its IOMMUs and expander buses built in, and libvirt does not list them.
    """
    found: list[str] = [
        MachineWord.MACHINE,
        MachineWord.VIOMMU_INTEL,
        MachineWord.VIOMMU_VIRTIO,
        MachineWord.MIRROR,
    ]
    if domain_capabilities:
        document = ET.fromstring(domain_capabilities)  # noqa: S314 - written by libvirt
        if "efi" in _values(document, "os", "firmware"):
            found.append(MachineWord.UEFI)
            if "yes" in _values(document, "os/loader", "secure"):
                found.append(MachineWord.SECURE_BOOT)
        if "emulator" in _values(document, "devices/tpm", "backendModel"):
            found += [
                f"tpm-{version}" for version in _values(document, "devices/tpm", "backendVersion") or ("1.2", "2.0")
            ]
        found += [f"video-{model}" for model in _values(document, "devices/video", "modelType") if model != "none"]
    return tuple(found)


def _values(document: ET.Element, part: str, enum: str) -> list[str]:
    """The values of one enum, none where libvirt says that the part is not supported."""
    element = document.find(part)
    if element is None or element.get("supported") == "no":
        return []
    return [value.text or "" for value in element.findall(f"enum[@name='{enum}']/value")]


def guest_owner(capabilities: str) -> tuple[int, int]:
    """The user and the group of QEMU by their numbers ("+64055:+64055"); root where libvirt does not say."""
    for model in ET.fromstring(capabilities).findall("host/secmodel"):  # noqa: S314 - written by libvirt
        if model.findtext("model") == "dac":
            label = model.findtext("baselabel", "").replace("+", "")
            user, _, group = label.partition(":")
            if user.isdigit() and group.isdigit():
                return int(user), int(group)
    return 0, 0


def virt_type_of(domain: str) -> str:
    """The type of a domain: "kvm" or "qemu"."""
    return ET.fromstring(domain).get("type", "")  # noqa: S314 - written by libvirt


def guest_cpu(domain: str, capabilities: str) -> str:
    """What a running guest needs of a host's CPU, as XML: its host's for one that has it, its own, or "" when it is emulated."""
    root = ET.fromstring(domain)  # noqa: S314 - written by libvirt
    cpu = root.find("cpu")
    if root.get("type") != "kvm" or cpu is None:
        return ""
    if cpu.get("mode") == "host-passthrough":
        cpu = ET.fromstring(capabilities).find("host/cpu")  # noqa: S314 - written by libvirt
    return "" if cpu is None else ET.tostring(cpu, encoding="unicode")
