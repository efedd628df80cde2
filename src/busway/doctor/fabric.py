"""NVSwitches and their Fabric Manager: what HGX machines need before GPUs of one guest reach each other."""

from __future__ import annotations

import re

from busway.doctor.host import Host
from busway.hardware import Function

SOCKET = "/run/nvidia-fabricmanager/socket"
_FILES = ("/usr/share/nvidia/nvswitch/fabricmanager.cfg", "/etc/nvidia-fabricmanager/fabricmanager.cfg")


def switches(host: Host) -> tuple[Function, ...]:
    """The NVSwitches: NVIDIA's bridges of class 0680."""
    return tuple(one for one in host.machine if one.vendor_id == "10de" and one.class_code[:4] == "0680")


def mode(host: Host) -> tuple[str, int | None]:
    """The configuration file and its FABRIC_MODE: 0 whole machine, 1 shared NVSwitches, 2 vGPU; None is unknown."""
    for file in _FILES:
        match = re.search(r"(?m)^\s*FABRIC_MODE\s*=\s*([0-9])\s*$", host.text(file) or "")
        if match:
            return file, int(match[1])
    return _FILES[0], None
