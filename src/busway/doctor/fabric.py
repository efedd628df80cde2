"""NVSwitches and their Fabric Manager: what HGX machines need before GPUs of one guest reach each other."""

from __future__ import annotations

import re

from busway.doctor.host import Host
from busway.hardware import Card, Function
from busway.hardware.tree import find_bytes

SOCKET = "/run/nvidia-fabricmanager/socket"
_FILES = ("/usr/share/nvidia/nvswitch/fabricmanager.cfg", "/etc/nvidia-fabricmanager/fabricmanager.cfg")
_NVLINK5 = frozenset({"2901", "3182"})  # B200 and B300 for HGX boards (SXM)
_MARK = b"SW_MNG"  # in the vital product data of the ConnectX functions that manage NVLink-5 switches


def switches(host: Host) -> tuple[Function, ...]:
    """The NVSwitches: NVIDIA's bridges of class 0680."""
    return tuple(one for one in host.machine if one.vendor_id == "10de" and one.class_code[:4] == "0680")


def has_nvlink5(host: Host, card: Card) -> bool:
    """True for a GPU of an HGX board whose switches are no PCI functions: two or more such GPUs, or their managers."""
    if card.main.vendor_id != "10de" or host.platform.hypervisor:
        return False
    alike = [one for one in host.machine.gpu_cards if one.main.product_id in _NVLINK5 and one.main.vendor_id == "10de"]
    return card in alike and (len(alike) > 1 or bool(managers(host)))


def managers(host: Host) -> tuple[Function, ...]:
    """The ConnectX functions through which NVLink-5 switches are managed."""
    nics = [one for one in host.machine if one.vendor_id == "15b3" and one.is_nic]
    return tuple(one for one in nics if _MARK in (find_bytes(f"{one.folder}/vpd", 4096) or b""))


def mode(host: Host) -> tuple[str, int | None]:
    """The configuration file and its FABRIC_MODE: 0 whole machine, 1 shared NVSwitches, 2 vGPU; None is unknown."""
    for file in _FILES:
        match = re.search(r"(?m)^\s*FABRIC_MODE\s*=\s*([0-9])\s*$", host.text(file) or "")
        if match:
            return file, int(match[1])
    return _FILES[0], None
