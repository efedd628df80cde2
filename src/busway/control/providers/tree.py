"""The provider trees of hosts: what each host and each of its cards has, and which servers take it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from busway.control.context import Control
from busway.control.placement.host_facts import reserved_mb
from busway.control.placement.occupancy import Occupants, Room, occupants_of
from busway.control.placement.snapshot import host_traits, is_up, states_of
from busway.control.settings import Ratios
from busway.domain.aggregate_words import rules_of
from busway.domain.device import DeviceKind
from busway.domain.device_spec import DeviceSpecs
from busway.domain.ids import DeviceId, HostId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import DeviceState, HostState
from busway.domain.provider import (
    DISK_GB,
    MEMORY_MB,
    PCPU,
    VCPU,
    Inventory,
    ProviderTree,
    ResourceProvider,
    card_name,
    parent_name,
)
from busway.domain.resource_class import OWNER_TRAIT
from busway.domain.units import WHOLE_KINDS
from busway.scheduler.pci import unusable
from busway.store import aggregates, claims, devices, hosts, provider_traits
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.devices import DeviceRow
from busway.store.hosts import HostRow


@dataclass(slots=True)
class _Card:
    """What one child provider is made of."""

    name: str
    totals: Counter[str] = field(default_factory=Counter)
    reserved: Counter[str] = field(default_factory=Counter)
    traits: set[str] = field(default_factory=set)
    allocations: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def read_trees(control: Control, tx: Tx, host_ids: Collection[HostId] | None = None) -> list[ProviderTree]:
    """The trees of some hosts, or of all, by the hosts' names."""
    rows = hosts.list_hosts(tx) if host_ids is None else hosts.list_of(tx, host_ids)
    ids = [row.id for row in rows]
    live = claims.list_owned(tx, ids)
    states = states_of(control, tx, rows, {claim.device_id: claim.server_id for claim in live})
    placed, member = occupants_of(tx, rows, ids), aggregates.of_hosts(tx, ids)
    given = provider_traits.traits_of(tx, ids)
    specs = control.pci_rules(tx).device_specs
    by_host: dict[HostId, list[Claim]] = defaultdict(list)
    for claim in live:
        by_host[claim.host_id].append(claim)
    made = (
        _tree(
            control,
            specs,
            row,
            state,
            by_host[row.id],
            placed.get(row.id, {}),
            member.get(row.id, ()),
            given,
        )
        for row, state in zip(rows, states, strict=True)
    )
    return sorted(made, key=lambda tree: tree.root.name)


def _tree(
    control: Control,
    specs: DeviceSpecs,
    row: HostRow,
    state: HostState,
    live: Sequence[Claim],
    placed: Occupants,
    member: Sequence[tuple[str, Mapping[str, str]]],
    given: Mapping[str, frozenset[str]],
) -> ProviderTree:
    ratios = control.settings.ratios(rules_of([metadata for _, metadata in member]))
    root = ResourceProvider(
        str(row.id),
        row.name,
        _generation(row),
        str(row.id),
        inventories=_sizes(control, row, ratios),
        traits=host_traits(row, given, up=is_up(control.settings, row, control.now())),
        aggregates=frozenset(uuid for uuid, _ in member),
        allocations={str(server): _amounts(row, room) for server, room in placed.items()},
    )
    cards = _cards(specs, row, state, live)
    children = [
        ResourceProvider(
            str(device_id),
            card.name,
            _generation(row),
            root.uuid,
            root.uuid,
            {
                name: Inventory(name, total, min(card.reserved[name], total))
                for name, total in sorted(card.totals.items())
            },
            frozenset(card.traits) | {OWNER_TRAIT},
            allocations=card.allocations,
        )
        for device_id, card in cards.items()
    ]
    return ProviderTree((root, *sorted(children, key=lambda child: child.name)))


def _generation(row: HostRow) -> int:
    """Grows with what the host must have and with what it has."""
    return row.generation + row.revision


def _sizes(control: Control, row: HostRow, ratios: Ratios) -> dict[str, Inventory]:
    size, settings = row.resources, control.settings
    if size is None:
        return {}
    found = (
        Inventory(VCPU, size.vcpus, 0, ratios.cpu),
        Inventory(PCPU, size.pcpus),
        Inventory(MEMORY_MB, size.ram_mb, min(reserved_mb(settings, size), size.ram_mb), ratios.ram),
        Inventory(DISK_GB, size.disk_gb, 0, ratios.disk),
    )
    return {each.resource_class: each for each in found if each.total}


def _amounts(row: HostRow, room: Room) -> dict[str, int]:
    """What a server takes; without a disk it takes none."""
    if row.resources is None:
        return {}
    taken = ((VCPU, room.vcpus), (PCPU, room.pcpus), (MEMORY_MB, room.ram_mb), (DISK_GB, room.disk_gb))
    return {name: amount for name, amount in taken if amount}


def _cards(specs: DeviceSpecs, row: HostRow, state: HostState, live: Iterable[Claim]) -> dict[DeviceId, _Card]:
    """The children: one for each PF with its VFs, for each function without SR-IOV, for each parent of mediated devices."""
    by_device: dict[DeviceId, list[Claim]] = defaultdict(list)
    for claim in live:
        by_device[claim.device_id].append(claim)
    cards: dict[DeviceId, _Card] = {}
    _add_functions(cards, specs, row, state, by_device)
    for offer in state.mdevs:
        card = cards.setdefault(offer.device_id, _Card(parent_name(row.name, offer.parent)))
        _add_offer(card, offer, by_device.get(offer.device_id, []))
    return cards


def _add_functions(
    cards: dict[DeviceId, _Card],
    specs: DeviceSpecs,
    row: HostRow,
    state: HostState,
    by_device: Mapping[DeviceId, Sequence[Claim]],
) -> None:
    physical = {each.device.address: each.id for each in state.devices}
    why, blocked = unusable(state), _blocked(state)
    for each in state.devices:
        claim = next((one for one in by_device.get(each.id, ()) if one.kind in WHOLE_KINDS), None)
        if not (each.offered and each.present) and (claim is None or claim.alias is None):
            continue
        spec, parent = specs.find(each.device), each.device.parent
        tags = spec.tags if spec is not None else each.tags
        owner = physical.get(parent, each.id) if each.device.kind is DeviceKind.VF and parent else each.id
        address = str(parent if owner != each.id else each.device.address)
        card = cards.setdefault(owner, _Card(card_name(row.name, address)))
        name = tags.class_of(each.device)
        card.totals[name] += 1
        card.traits |= tags.traits_of(each.device)
        if claim is not None:
            card.allocations[str(claim.server_id)][name] += 1
        elif each.quarantined is not None or each.id in why or each.id in blocked:
            card.reserved[name] += 1


def _add_offer(card: _Card, offer: MdevOffer, live: Sequence[Claim]) -> None:
    card.totals[offer.resource_class] += offer.total
    if offer.blocked:
        card.reserved[offer.resource_class] += max(0, offer.total - len(offer.taken))
    for claim in live:
        if claim.kind not in WHOLE_KINDS and claim.alias == offer.resource_class:
            card.allocations[str(claim.server_id)][offer.resource_class] += 1


def _blocked(state: HostState) -> set[DeviceId]:
    """Devices that nobody gets because a server has another function of their IOMMU group, their PF or a VF of theirs."""
    taken = [each for each in state.devices if each.claimed_by is not None]
    groups = {each.device.iommu_group for each in taken} - {None}
    addresses = {each.device.address for each in taken}
    parents = {each.device.parent for each in taken} - {None}
    return {each.id for each in state.devices if each.claimed_by is None and _is_near(each, groups, addresses, parents)}


def _is_near(
    each: DeviceState, groups: Collection[object], addresses: Collection[object], parents: Collection[object]
) -> bool:
    device = each.device
    return device.iommu_group in groups or device.parent in addresses or device.address in parents


def held_and_free(
    control: Control, tx: Tx, provider: ResourceProvider, resource_class: str
) -> tuple[list[DeviceRow], list[DeviceRow]]:
    """The devices of a child provider that could be given to a server, and those in quarantine that could be let go."""
    if provider.parent is None:
        return [], []
    [row] = hosts.list_of(tx, [HostId(provider.root)])
    live = claims.list_owned(tx, [row.id])
    [state] = states_of(control, tx, [row], {claim.device_id: claim.server_id for claim in live})
    specs, why, blocked = control.pci_rules(tx).device_specs, unusable(state), _blocked(state)
    known = {each.id: each for each in devices.list_devices(tx, row.id)}
    main = known.get(DeviceId(provider.uuid))
    free, held = [], []
    for each in state.devices:
        spec = specs.find(each.device)
        if spec is None or main is None or spec.tags.class_of(each.device) != resource_class or not each.present:
            continue
        if each.id != main.id and each.device.parent != main.device.address:
            continue
        if each.claimed_by is not None:
            continue
        if each.quarantined is not None:
            held.append(known[each.id])
        elif each.id not in why and each.id not in blocked:
            free.append(known[each.id])
    return free, held
