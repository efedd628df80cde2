"""Reads what libvirt says about its host."""

from __future__ import annotations

from typing import Any

import libvirt

from busway.hypervisor.capabilities import architecture, cpu_features, cpu_model, guest_kinds, machine_words, virt_types
from busway.hypervisor.seam import HypervisorFacts


def read_facts(connection: Any) -> HypervisorFacts:
    """Libvirt's version, and the capabilities and totals of its host."""
    capabilities = connection.getCapabilities()
    info = connection.getInfo()
    return HypervisorFacts(
        type=connection.getType(),
        version=connection.getVersion(),
        vcpus=info[2],
        ram_mb=info[1],
        cpu_model=cpu_model(capabilities),
        virt_types=virt_types(capabilities),
        architecture=architecture(capabilities),
        cpu_features=cpu_features(capabilities),
        guests=guest_kinds(capabilities),
        machine=machine_words(_guest_capabilities(connection)),
    )


def _guest_capabilities(connection: Any) -> str:
    """What guests of a q35 machine may have, "" where the driver does not tell (libvirt's test driver)."""
    try:
        return str(connection.getDomainCapabilities(None, None, "q35", None))
    except libvirt.libvirtError:
        if connection.isAlive():
            return ""  # a host without them has guests all the same
        raise
