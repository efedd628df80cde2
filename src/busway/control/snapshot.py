"""The scheduler's Snapshot out of the store, in one read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from busway.control.context import Control
from busway.control.settings import Settings
from busway.domain.ids import HostId
from busway.domain.placement import DeviceState, HostState, Snapshot
from busway.store import claims, hosts, servers
from busway.store.database import Tx
from busway.store.hosts import HostRow
from busway.store.servers import Occupant, ServerRow


def take_snapshot(control: Control, tx: Tx) -> Snapshot:
    """All hosts with what is free on them, and all their devices; never in a transaction that changes devices.

    Hosts are read first: what is read later can only be newer than the generations that a commit compares.
    """
    rows = hosts.list_hosts(tx)
    owners = claims.list_owners(tx)
    placed: dict[HostId, list[Occupant]] = defaultdict(list)
    for occupant in servers.list_occupants(tx):
        placed[occupant.host_id].append(occupant)
    states = control.memory.device_states(tx, control.pci_rules(tx).device_specs, rows, owners)
    now = control.now()
    return control.memory.snapshot(
        [_host_state(control.settings, host, states[host.id], placed[host.id], now) for host in rows]
    )


def is_up(settings: Settings, host: HostRow, now: datetime) -> bool:
    """True while the host's agent has reported within the lease."""
    return host.seen is not None and now - host.seen <= timedelta(seconds=settings.lease_seconds)


def used(rows: Sequence[ServerRow | Occupant]) -> tuple[int, int, int]:
    """vCPUs, MB of RAM and GB of disk that servers take up on their host."""
    if not rows:
        return 0, 0, 0
    flavors = [row.flavor for row in rows]
    return sum(f.vcpus for f in flavors), sum(f.ram_mb for f in flavors), sum(f.disk_gb for f in flavors)


def _host_state(
    settings: Settings, host: HostRow, states: tuple[DeviceState, ...], rows: list[Occupant], now: datetime
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
        down_reason=_down_reason(host),
    )


def _down_reason(host: HostRow) -> str:
    if host.seen is None:
        return "its agent has never reported"
    return f"its agent last reported at {host.seen:%Y-%m-%d %H:%M:%S} UTC"
