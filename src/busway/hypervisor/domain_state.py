"""Reads what libvirt says about a domain: its state, its counters, the sockets of its consoles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libvirt

from busway.domain.console import ConsoleKind, SpiceEnds
from busway.domain.diagnostics import Diagnostics
from busway.domain.ids import ServerId
from busway.domain.server import PowerState
from busway.hypervisor.diagnostics import read_diagnostics
from busway.hypervisor.seam import DomainSeen
from busway.hypervisor.xml import read_attachments, read_cards, read_consoles, read_server_id, read_spice

# A guest that libvirt has stopped for a migration: the target's until it is whole, and the source's at the very end.
_ARRIVING = (libvirt.VIR_DOMAIN_PAUSED_MIGRATION, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)

_POWER = {
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.RUNNING,  # shutting down: QEMU still has its devices
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTOFF,
}


def read_domain(domain: Any) -> DomainSeen | None:
    """A domain's state and definition; None for a domain that is no server's, or that was undefined meanwhile."""
    try:
        xml = domain.XMLDesc(0)
        server_id = read_server_id(xml)
        if server_id is None:
            return None
        state, reason = domain.state()
        paused = state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_USER
        arriving = state == libvirt.VIR_DOMAIN_PAUSED and reason in _ARRIVING
        left = state == libvirt.VIR_DOMAIN_SHUTOFF and reason == libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED
        # After the state: a guest that is off since it was saved has its file by now.
        saved = not domain.isActive() and bool(domain.hasManagedSaveImage())
        power = _POWER.get(state, PowerState.SHUTOFF)
        attached, cards = read_attachments(xml), read_cards(xml)
        return DomainSeen(server_id, domain.name(), power, attached, paused, saved, cards, arriving, left)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:  # undefined while we looked
            return None
        raise


def read_counters(domain: Any) -> Diagnostics:
    """The statistics of a domain, as `virsh domstats` shows them."""
    [(_domain, stats)] = domain.connect().domainListGetStats([domain])
    return read_diagnostics(domain.XMLDesc(0), domain.info(), stats)


def read_sockets(connection: Any, server_id: ServerId) -> Mapping[ConsoleKind, Path]:
    """The sockets of a running domain's consoles; none where no such domain runs."""
    xml = _running_xml(connection, server_id)
    return read_consoles(xml) if xml is not None else {}


def read_spice_ends(connection: Any, server_id: ServerId) -> SpiceEnds | None:
    """Where a running domain's SPICE screen listens; None where no such domain runs."""
    xml = _running_xml(connection, server_id)
    return read_spice(xml) if xml is not None else None


def _running_xml(connection: Any, server_id: ServerId) -> str | None:
    try:
        domain = connection.lookupByUUIDString(server_id)
        return str(domain.XMLDesc(0)) if domain.isActive() else None
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise
