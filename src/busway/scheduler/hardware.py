"""The part of a host's devices that does not change with its servers: which travel together, and which exclude each other.

The unit is the *lot*: what must travel together. VFIO isolates IOMMU groups, so a device takes its whole group along:
other functions of its own slot (a GPU's audio) go with it as companions; a function of another slot in the same group
makes the device unusable, and is named. A PF and its VFs exclude each other. Sets of devices are bits of one integer, a
bit per place in the host's list, so that "is all of it free" is one operation.

Hosts of one model have equal hardware, whatever their names, addresses and group numbers: lots are worked out once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from busway.domain.address import PciAddress
from busway.domain.alias import Alias
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_tags import DeviceTags
from busway.domain.placement import DeviceState


class Spot(NamedTuple):
    """Where a device lies: the number of its NUMA node, PCIe switch and card, and how many tags it has.

    Devices with `node` None count as one set, as on a host without NUMA. `switch` and `card` are None if the host does not report
    them, or if no other device is there: then there is no set to keep whole.
    """

    node: int | None
    switch: int | None
    card: int | None
    tags: int


@dataclass(frozen=True, slots=True, eq=False)
class Lot:
    """A device and the companions that travel with it, as places in the host's list and as bits.

    `free` are the devices that must have no owner: the lot's own, their PF or VFs, and what was in its group.
    """

    place: int
    companions: tuple[int, ...]
    devices: int
    free: int
    spot: Spot


@dataclass(frozen=True, slots=True)
class Ties:
    """The devices that a device depends on, as places: group members of its own card, group members of other cards, and relatives.

    Relatives must have no owner: its PF or VFs, and devices that have vanished from its group. A vanished device keeps its owner
    until its host has released it, and may come back while its guest runs.
    """

    companions: tuple[int, ...]
    foreign: tuple[int, ...]
    relatives: tuple[int, ...]


class Hardware:
    """What is equal for all hosts with the same devices: lots, ties, partitions. `states` are the devices of one of them."""

    __slots__ = ("_matching", "lots", "partitions", "states", "ties")

    def __init__(self, states: tuple[DeviceState, ...]) -> None:
        self.states = states
        self.ties = _ties(states)
        spots = _spots(states)
        self.lots = tuple(_lot(states, self.ties, spots, place) for place in range(len(states)))
        self.partitions = _partitions(states)
        self._matching: dict[int, tuple[Alias, tuple[int, ...]]] = {}

    def matching(self, alias: Alias) -> tuple[int, ...]:
        """The places of the devices that match an alias, usable or not."""
        known = self._matching.get(id(alias))
        if known is not None:
            return known[1]
        found = tuple(n for n, state in enumerate(self.states) if alias.matches(state.device, state.tags))
        self._matching[id(alias)] = (alias, found)  # the alias is kept too, so that nothing else gets its id
        return found


def _partitions(states: tuple[DeviceState, ...]) -> dict[int, int]:
    """The GPUs of each partition of the NVLink fabric, as bits."""
    found: dict[int, int] = {}
    for place, state in enumerate(states):
        for number in state.partitions:
            found[number] = found.get(number, 0) | 1 << place
    return found


class TagNumbers:
    """Numbers the different sets of tags, because hashing the tags of 80,000 devices would cost more than all other work."""

    __slots__ = ("_by_identity", "_by_value")

    def __init__(self) -> None:
        self._by_identity: dict[int, tuple[DeviceTags, int]] = {}
        self._by_value: dict[DeviceTags, int] = {}

    def of(self, tags: DeviceTags) -> int:
        """The number of a set of tags; equal for equal tags."""
        known = self._by_identity.get(id(tags))
        if known is not None:
            return known[1]
        number = self._by_value.setdefault(tags, len(self._by_value))
        self._by_identity[id(tags)] = (tags, number)  # the tags are kept too, so that nothing else gets their id
        return number


def hardware_key(states: tuple[DeviceState, ...], tags: TagNumbers) -> Hashable:
    """A key that is equal for hosts whose devices differ only in names, addresses, group numbers, owners and quarantine."""
    groups: dict[int | None, int] = {None: -1}
    slots: dict[tuple[int, int, int], int] = {}
    switches: dict[PciAddress | None, int] = {None: -1}
    found: list[object] = []
    has_parents = False
    for state in states:
        device = state.device
        address, kind = device.address, device.kind
        has_parents |= device.parent is not None
        found += (
            device.vendor_id,
            device.product_id,
            # The hash of an enumeration's member is worked out again each time; that of a boolean is not.
            kind is DeviceKind.PF,
            kind is DeviceKind.VF,
            device.class_code[:4],
            groups.setdefault(device.iommu_group, len(groups)),
            slots.setdefault((address.domain, address.bus, address.slot), len(slots)),
            device.numa_node,
            state.present,
            state.offered,
            tags.of(state.tags),
            switches.setdefault(state.device.switch, len(switches)),
            state.partitions,
        )
    return tuple(found), _parents(states) if has_parents else ()


def _parents(states: tuple[DeviceState, ...]) -> tuple[tuple[int, int, int], ...]:
    """The place of each VF with that of its PF, below 0 where the host does not have it, and the PF's slot."""
    places = {state.device.address.numbers: place for place, state in enumerate(states)}
    slots: dict[tuple[int, ...], int] = {}
    for numbers in places:
        slots.setdefault(numbers[:3], len(slots))
    found = []
    for place, state in enumerate(states):
        if state.device.parent is not None:
            parent = state.device.parent.numbers
            found.append((place, places.get(parent, -1), slots.setdefault(parent[:3], len(slots))))
    return tuple(found)


def bits(places: Iterable[int]) -> int:
    """Places of the host's list as the bits of one integer."""
    made = 0
    for place in places:
        made |= 1 << place
    return made


def _ties(states: tuple[DeviceState, ...]) -> tuple[Ties, ...]:
    groups: dict[int, list[int]] = {}
    children: dict[tuple[int, ...], list[int]] = {}
    numbers: dict[tuple[int, ...], int] = {}
    for place, state in enumerate(states):
        numbers[state.device.address.numbers] = place
        if state.device.iommu_group is not None:
            groups.setdefault(state.device.iommu_group, []).append(place)
        if state.device.parent is not None:
            children.setdefault(state.device.parent.numbers, []).append(place)
    return tuple(_ties_of(states, place, groups, children, numbers) for place in range(len(states)))


def _ties_of(
    states: tuple[DeviceState, ...],
    place: int,
    groups: dict[int, list[int]],
    children: dict[tuple[int, ...], list[int]],
    numbers: dict[tuple[int, ...], int],
) -> Ties:
    device = states[place].device
    group = groups.get(device.iommu_group, []) if device.iommu_group is not None else []
    members = [other for other in group if other != place and not states[other].device.is_bridge]
    others = [other for other in members if states[other].present]
    relatives = [other for other in members if not states[other].present]
    if device.kind is DeviceKind.PF:
        relatives += children.get(device.address.numbers, [])
    elif device.parent is not None and device.parent.numbers in numbers:
        relatives += [numbers[device.parent.numbers]]
    return Ties(
        tuple(other for other in others if _same_card(states[other].device, device)),
        tuple(other for other in others if not _same_card(states[other].device, device)),
        tuple(relatives),
    )


def _lot(states: tuple[DeviceState, ...], ties: tuple[Ties, ...], spots: tuple[Spot, ...], place: int) -> Lot | None:
    """The lot of a device; None if no server can get it, whatever is free."""
    state, tie = states[place], ties[place]
    if not state.present or not state.offered or state.device.iommu_group is None or tie.foreign:
        return None
    members = (place, *tie.companions)
    relatives = [relative for member in members for relative in ties[member].relatives]
    return Lot(place, tie.companions, bits(members), bits(members) | bits(relatives), spots[place])


def _spots(states: tuple[DeviceState, ...]) -> tuple[Spot, ...]:
    """Where each device lies; a card is a slot, or a PF with its VFs."""
    cards: dict[Hashable, list[int]] = {}
    switches: dict[Hashable, list[int]] = {}
    for place, state in enumerate(states):
        address = state.device.parent or state.device.address
        if state.offered:
            node = state.device.numa_node
            cards.setdefault((node, address.domain, address.bus, address.slot), []).append(place)
            switches.setdefault((node, state.device.switch) if state.device.switch else None, []).append(place)
    switches.pop(None, None)
    card_of, switch_of = _numbers(cards), _numbers(switches)
    return tuple(
        Spot(state.device.numa_node, switch_of.get(place), card_of.get(place), state.tags.count)
        for place, state in enumerate(states)
    )


def _numbers(sets: dict[Hashable, list[int]]) -> dict[int, int]:
    """The number of the set of each place; places that are alone in their set are left out."""
    shared = [places for places in sets.values() if len(places) > 1]
    return {place: number for number, places in enumerate(shared) for place in places}


def _same_card(one: PciDevice, other: PciDevice) -> bool:
    """True for functions of one slot; a VF is a card of its own whatever its slot."""
    a, b = one.address, other.address
    same_slot = (a.domain, a.bus, a.slot) == (b.domain, b.bus, b.slot)
    return same_slot and DeviceKind.VF not in (one.kind, other.kind)
