"""The scheduler's Snapshot out of the store, in one read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from busway.control.context import Control
from busway.control.placement.fabrics import Fabrics
from busway.control.placement.host_facts import capabilities, free_cells, guests, reserved_mb
from busway.control.placement.mediated import Mediated, Offered
from busway.control.placement.memory import SnapshotMemory
from busway.control.placement.occupancy import Occupants, occupants, total, with_own_cpus
from busway.control.settings import Settings
from busway.domain.aggregate import ZONE_KEY
from busway.domain.aggregate_words import named_projects, rules_of
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.placement import ZONE, HostState, Snapshot
from busway.domain.resource_class import DISABLED_TRAIT, STANDARD_HOST_TRAITS
from busway.domain.units import WholeFunction
from busway.store import aggregates, cells, claims, hosts, provider_traits
from busway.store.cells import UsedCell
from busway.store.database import Tx
from busway.store.hosts import HostRow

_NOBODY: Occupants = {}
_NO_TRAITS: frozenset[str] = frozenset()


def take_snapshot(control: Control, tx: Tx) -> Snapshot:
    """All hosts with what is free on them, and all their devices; never in a transaction that changes devices.

    Hosts are read first: what is read later can only be newer than the generations that a commit compares.
    """
    rows = hosts.list_hosts(tx)
    owners = claims.list_owners(tx)
    devices = control.memory.device_states(tx, control.pci_rules(tx).device_specs, rows, owners)
    mediated = Mediated.read(tx, control.settings.mdev_rules, owners)
    fabrics = Fabrics.read(tx)
    lying, known = cells.list_cells(tx), aggregates.metadata_of_hosts(tx)
    placed = with_own_cpus(occupants(tx), lying)
    given = provider_traits.traits_of(tx)
    named = _named(control.settings, tx)
    now = control.now()
    facts = {
        host.id: _Facts(
            control.settings,
            host,
            mediated.of(host.id, fabrics.mark(host.id, devices[host.id])),
            fabrics.provider(host.id),
            (here := placed.get(host.id, _NOBODY)),
            _used_cells(host.id, here, lying),
            is_up(control.settings, host, now),
            given.get(str(host.id), _NO_TRAITS),
            known.get(host.id, ()),
            named,
        )
        for host in rows
    }
    return control.memory.snapshot(control.memory.states(facts, _host_state))


def states_of(
    control: Control, tx: Tx, rows: Sequence[HostRow], owners: Mapping[DeviceId, ServerId]
) -> list[HostState]:
    """Some hosts with their devices, and nothing of what servers take up on them; nothing is remembered of it."""
    devices = SnapshotMemory().device_states(tx, control.pci_rules(tx).device_specs, rows, owners)
    now = control.now()
    mediated = Mediated.read(tx, control.settings.mdev_rules, owners, [row.id for row in rows])
    return [
        _host_state(
            _Facts(
                control.settings, host, mediated.of(host.id, devices[host.id]), up=is_up(control.settings, host, now)
            )
        )
        for host in rows
    ]


class _Facts(NamedTuple):
    """All that the state of a host is made of; equal facts make equal states."""

    settings: Settings
    host: HostRow
    offered: Offered
    fabric: DeviceId | None = None
    placed: Occupants = _NOBODY
    cells: Sequence[UsedCell] = ()
    up: bool = False
    traits: frozenset[str] = _NO_TRAITS
    aggregates: Sequence[Mapping[str, str]] = ()
    named: frozenset[str] = frozenset()


def _used_cells(
    host_id: HostId, placed: Occupants, lying: Mapping[tuple[ServerId, HostId], tuple[UsedCell, ...]]
) -> Sequence[UsedCell]:
    return [cell for server_id in placed for cell in lying.get((server_id, host_id), ())] if lying else ()


def _in_aggregates(state: HostState, known: Sequence[Mapping[str, str]]) -> HostState:
    """The host in its aggregates, and in the zone that one of them may name."""
    pairs = tuple(tuple(sorted(values.items())) for values in known)
    zone = next((values[ZONE_KEY] for values in known if ZONE_KEY in values), ZONE)
    return replace(state, aggregates=pairs, zone=zone)


def _named(settings: Settings, tx: Tx) -> frozenset[str]:
    """The projects that must go to hosts that name them: all that any aggregate names, one without hosts too."""
    if not settings.limit_tenants_to_placement_aggregate:
        return frozenset()
    return named_projects(each.metadata for each in aggregates.list_aggregates(tx))


def _elsewhere(facts: _Facts, here: frozenset[str]) -> frozenset[str] | None:
    settings = facts.settings
    needed = settings.limit_tenants_to_placement_aggregate and settings.placement_aggregate_required_for_tenants
    return None if needed else facts.named - here


def is_up(settings: Settings, host: HostRow, now: datetime) -> bool:
    """True while the host's agent has reported within the lease."""
    return host.seen is not None and now - host.seen <= timedelta(seconds=settings.lease_seconds)


def _host_state(facts: _Facts) -> HostState:
    settings, host = facts.settings, facts.host
    used = total(facts.placed)
    size, rules = host.resources, rules_of(facts.aggregates)
    ratios = settings.ratios(rules)
    state = HostState(
        id=host.id,
        name=host.name,
        generation=host.generation,
        revision=host.revision,
        free_vcpus=int((size.vcpus if size else 0) * ratios.cpu) - used.vcpus,
        free_ram_mb=int(((size.ram_mb if size else 0) - reserved_mb(settings, size)) * ratios.ram) - used.ram_mb,
        free_disk_gb=int((size.disk_gb if size else 0) * ratios.disk) - used.disk_gb,
        free_servers=(rules.most_servers or settings.max_instances_per_host) - len(facts.placed),
        projects=rules.projects,
        elsewhere=_elsewhere(facts, rules.projects),
        devices=facts.offered.devices,
        mdevs=facts.offered.mdevs,
        cards=facts.offered.cards,
        fabric=facts.fabric,
        up=facts.up,
        enabled=host.enabled,
        down_reason=_down_reason(host),
        cells=free_cells(ratios, size, facts.cells),
        capabilities=capabilities(size),
        guests=guests(size),
        kinds=size.kinds if size else (WholeFunction.kind,),
        unsafe=tuple(word for word in size.unsafe if word not in settings.accept_weak_isolation) if size else (),
        machine=size.machine if size else (),
        no_chassis=size.chassis.lacks if size and size.chassis else "",
        traits=host_traits(host, {str(host.id): facts.traits}, up=facts.up),
    )
    return _in_aggregates(state, facts.aggregates) if facts.aggregates else state


def host_traits(host: HostRow, given: Mapping[str, frozenset[str]], *, up: bool) -> frozenset[str]:
    """The traits of a host: what it is, and those that operators have given to hosts, by their ids."""
    computed = STANDARD_HOST_TRAITS if host.enabled and up else STANDARD_HOST_TRAITS | {DISABLED_TRAIT}
    return computed | given.get(str(host.id), frozenset())


def _down_reason(host: HostRow) -> str:
    if host.seen is None:
        return "its agent has never reported"
    return f"its agent last reported at {host.seen:%Y-%m-%d %H:%M:%S} UTC"
