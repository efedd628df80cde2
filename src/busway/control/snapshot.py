"""The scheduler's Snapshot out of the store, in one read."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from busway.control.context import Control
from busway.control.occupancy import Occupants, occupants, total
from busway.control.settings import Settings
from busway.domain.device_tags import NO_TAGS
from busway.domain.ids import HostId
from busway.domain.placement import DeviceState, HostState, Snapshot
from busway.store import claims, devices, hosts
from busway.store.database import Tx
from busway.store.hosts import HostRow


def take_snapshot(control: Control, tx: Tx) -> Snapshot:
    """All hosts with what is free on them, and all their devices."""
    owners = {claim.device_id: claim.server_id for claim in claims.list_live_claims(tx)}
    placed = occupants(tx)
    of_host: dict[HostId, list[DeviceState]] = defaultdict(list)
    specs = control.pci_rules(tx).device_specs
    for device in devices.list_devices(tx):
        spec = specs.find(device.device)
        state = DeviceState(
            device.id,
            device.device,
            device.present,
            offered=spec is not None,
            claimed_by=owners.get(device.id),
            quarantined=device.quarantined,
            tags=spec.tags if spec is not None else NO_TAGS,
        )
        of_host[device.host_id].append(state)
    now = control.now()
    return Snapshot(
        tuple(
            _host_state(control.settings, host, tuple(of_host[host.id]), placed.get(host.id, {}), now)
            for host in hosts.list_hosts(tx)
        )
    )


def is_up(settings: Settings, host: HostRow, now: datetime) -> bool:
    """True while the host's agent has reported within the lease."""
    return host.seen is not None and now - host.seen <= timedelta(seconds=settings.lease_seconds)


def _host_state(
    settings: Settings, host: HostRow, states: tuple[DeviceState, ...], placed: Occupants, now: datetime
) -> HostState:
    used = total(placed)
    size = host.resources
    return HostState(
        id=host.id,
        name=host.name,
        generation=host.generation,
        revision=host.revision,
        free_vcpus=int((size.vcpus if size else 0) * settings.cpu_allocation_ratio) - used.vcpus,
        free_ram_mb=int(
            ((size.ram_mb if size else 0) - settings.reserved_host_memory_mb) * settings.ram_allocation_ratio
        )
        - used.ram_mb,
        free_disk_gb=(size.disk_gb if size else 0) - used.disk_gb,
        devices=states,
        up=is_up(settings, host, now),
        enabled=host.enabled,
        down_reason=_down_reason(host, now),
    )


def _down_reason(host: HostRow, now: datetime) -> str:
    if host.seen is None:
        return "its agent has never reported"
    return f"its agent last reported {int((now - host.seen).total_seconds())} s ago"
