"""The scheduler's Snapshot out of the store, in one read."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from busway.control.context import Control
from busway.control.settings import Settings
from busway.domain.device_tags import NO_TAGS
from busway.domain.ids import HostId
from busway.domain.placement import DeviceState, HostState, Snapshot
from busway.store import claims, devices, hosts, servers
from busway.store.database import Tx
from busway.store.hosts import HostRow
from busway.store.servers import ServerRow


def take_snapshot(control: Control, tx: Tx) -> Snapshot:
    """All hosts with what is free on them, and all their devices."""
    owners = claims.list_owners(tx)
    placed: dict[HostId, list[ServerRow]] = defaultdict(list)
    for row in servers.list_placed(tx):
        if row.host_id is not None:
            placed[row.host_id].append(row)
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
            _host_state(control.settings, host, tuple(of_host[host.id]), placed[host.id], now)
            for host in hosts.list_hosts(tx)
        )
    )


def is_up(settings: Settings, host: HostRow, now: datetime) -> bool:
    """True while the host's agent has reported within the lease."""
    return host.seen is not None and now - host.seen <= timedelta(seconds=settings.lease_seconds)


def used(rows: list[ServerRow]) -> tuple[int, int, int]:
    """vCPUs, MB of RAM and GB of disk that servers take up on their host."""
    flavors = [row.flavor for row in rows]
    return sum(f.vcpus for f in flavors), sum(f.ram_mb for f in flavors), sum(f.disk_gb for f in flavors)


def _host_state(
    settings: Settings, host: HostRow, states: tuple[DeviceState, ...], rows: list[ServerRow], now: datetime
) -> HostState:
    vcpus, ram_mb, disk_gb = used(rows)
    total = host.resources
    return HostState(
        id=host.id,
        name=host.name,
        generation=host.generation,
        revision=host.revision,
        free_vcpus=int((total.vcpus if total else 0) * settings.cpu_allocation_ratio) - vcpus,
        free_ram_mb=int(
            ((total.ram_mb if total else 0) - settings.reserved_host_memory_mb) * settings.ram_allocation_ratio
        )
        - ram_mb,
        free_disk_gb=(total.disk_gb if total else 0) - disk_gb,
        devices=states,
        up=is_up(settings, host, now),
        enabled=host.enabled,
        down_reason=_down_reason(host, now),
    )


def _down_reason(host: HostRow, now: datetime) -> str:
    if host.seen is None:
        return "its agent has never reported"
    return f"its agent last reported {int((now - host.seen).total_seconds())} s ago"
