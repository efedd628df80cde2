"""Whether a running guest can continue with the CPUs of another host."""

from __future__ import annotations

from typing import Any

import libvirt

from busway.domain.errors import HostError
from busway.hypervisor.capabilities import guest_cpu, virt_type_of
from busway.hypervisor.live import LiveDefinition


def read_definition(domain: Any) -> LiveDefinition:
    """The definition of a running guest as libvirt gives it for another host; raises libvirt's error when it does not run."""
    if not domain.isActive():
        raise libvirt.libvirtError("domain is not running")
    flags = libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_SECURE
    xml, connection = str(domain.XMLDesc(flags)), domain.connect()
    cpu = guest_cpu(xml, str(connection.getCapabilities()))
    return LiveDefinition(xml, cpu, connection.getVersion(), virt_type_of(xml))


def check_cpu(connection: Any, wanted: LiveDefinition) -> None:
    """Raises `HostError` unless this host has the guest's CPU: by libvirt's comparison, or by QEMU's release when it is emulated."""
    if not wanted.cpu:
        own_version = int(connection.getVersion())
        if own_version // 1000 != wanted.version // 1000:
            raise _other_release(wanted.version, own_version)
        return
    try:
        found = connection.compareCPU(wanted.cpu, libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE)
    except libvirt.libvirtError as error:
        if not connection.isAlive():
            raise
        raise _other_cpu(str(error.get_error_message() or error)) from error
    if found not in (libvirt.VIR_CPU_COMPARE_IDENTICAL, libvirt.VIR_CPU_COMPARE_SUPERSET):
        raise _other_cpu("libvirt calls them incompatible.")


def _other_cpu(detail: str) -> HostError:
    return HostError(
        "The CPUs of this host can't run the guest as it runs now",
        detail=detail,
        remedy="Choose a host with the same or newer CPUs, give the agents a common --cpu-model, or migrate it cold: openstack server "
        "migrate ID",
        code="live-cpu",
    )


def _other_release(version: int, own_version: int) -> HostError:
    return HostError(
        "This host's QEMU emulates another CPU than the one that the guest runs on",
        detail=f"An emulated CPU is as QEMU's release makes it. There it is {version}, here {own_version}.",
        remedy="Choose a host with the same release of QEMU, or migrate it cold: openstack server migrate ID",
        code="live-cpu",
    )
