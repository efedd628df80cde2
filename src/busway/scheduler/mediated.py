"""Which parents give a server its mediated devices, and why a host has none that can.

Groups are served by the cards that have the least left and still enough: whole cards stay free for who needs them. What
shares a card must fit on it together (`busway.scheduler.vgpu_fit`). All assignments are tried before a host is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from busway.domain.ids import DeviceId
from busway.domain.mdev import MdevOffer
from busway.domain.placement import ClaimedDevice, HostState, PlacementRequest
from busway.domain.render import capped
from busway.domain.resource_request import GroupRule, ResourceRequest, ResourceRequests
from busway.domain.units import Mdev, RenderShare, VgpuFunction
from busway.domain.units.mdev import Instance, read_unit
from busway.domain.vgpu import SharedCard, Vgpu
from busway.scheduler.vgpu_fit import fit, why_not

_Assignment = tuple[tuple[ResourceRequest, MdevOffer], ...]
_Key = tuple[DeviceId, str]  # of an offer: its parent and its type
INSTANCES = (Mdev.kind, VgpuFunction.kind, RenderShare.kind)
_MOST_PARENTS = 8  # parents of a refusal


def resource_providers(host: HostState, request: PlacementRequest) -> str | None:
    """Parents of mediated devices on the host can serve all that the flavor asks for by resource class."""
    if not request.resources.groups or assign(host.mdevs, request.resources, host.cards) is not None:
        return None
    wanted = " and ".join(map(str, request.resources.groups))
    apart = ", each group from a device of its own," if request.resources.rule is GroupRule.ISOLATE else ""
    stories = "; ".join(_story(host, request.resources, name) for name in _classes(request.resources))
    return f"{wanted} wanted{apart} and it can't give that: {stories}"


def choose(host: HostState, request: PlacementRequest, cells: Collection[int] = ()) -> tuple[ClaimedDevice, ...]:
    """The instances of a host that passed the filter, near to the guest's `cells` where there is a choice.

    Each is a card of its own in the guest.
    """
    assigned = assign(host.mdevs, request.resources, host.cards, cells) or ()
    places = _places(host.cards, assigned)
    found: list[ClaimedDevice] = []
    left = {_key(offer): offer for offer in host.mdevs}
    for group, offer in assigned:
        for slot in left[_key(offer)].slots(group.count):
            left[_key(offer)] = _with_slot(left[_key(offer)], slot)
            instance = Instance(offer.type_id, slot, next(places[offer.card]) if offer.size else None)
            found.append(_claimed(offer, instance, group.resource_class))
    return tuple(found)


def after(host: HostState, devices: tuple[ClaimedDevice, ...]) -> tuple[tuple[MdevOffer, ...], tuple[SharedCard, ...]]:
    """The offers and shared cards of a host after these devices are claimed."""
    offers, cards = host.mdevs, {card.name: card for card in host.cards}
    for each in devices:
        if each.kind not in INSTANCES:
            continue
        instance = read_unit(each.unit)
        for offer in offers:
            if _key(offer) == (each.device_id, instance.type_id) and instance.vgpu is not None:
                cards[offer.card] = cards[offer.card].having(instance.vgpu)
        offers = tuple(_after(offer, each.device_id, instance) for offer in offers)
    return capped(offers), tuple(cards.values())


def _after(offer: MdevOffer, device_id: DeviceId, instance: Instance) -> MdevOffer:
    if offer.device_id != device_id:
        return offer
    if offer.type_id == instance.type_id:
        return _with_slot(offer, instance.slot)
    return (
        replace(offer, blocked=offer.blocked or f"it has an instance of {instance.type_id}") if offer.single else offer
    )


def _with_slot(offer: MdevOffer, slot: int) -> MdevOffer:
    return replace(offer, taken=offer.taken | {slot})


def assign(
    offers: tuple[MdevOffer, ...],
    wanted: ResourceRequests,
    cards: tuple[SharedCard, ...] = (),
    cells: Collection[int] = (),
) -> _Assignment | None:
    """A parent for each group, or None if there is no assignment; the largest groups are served first."""
    sizes = {offer.resource_class: offer.size for offer in offers}
    order = sorted(
        wanted.groups,
        key=lambda group: (-sizes.get(group.resource_class, 0), group.resource_class, -group.count, group.suffix),
    )
    search = _Search(tuple(offers), {card.name: card for card in cards}, frozenset(cells), wanted.rule, set())
    found = search.assign(order, {_key(offer): offer.free for offer in offers}, frozenset(), {})
    return tuple(zip(order, found, strict=True)) if found is not None else None


@dataclass(frozen=True, slots=True)
class _Search:
    """`dead_ends` keeps the states that lead to nothing, in which equal cards are one: each is tried once."""

    offers: tuple[MdevOffer, ...]
    cards: Mapping[str, SharedCard]
    cells: frozenset[int]
    rule: GroupRule
    dead_ends: set[object]

    def assign(
        self,
        groups: list[ResourceRequest],
        left: Mapping[_Key, int],
        used: frozenset[DeviceId],
        sizes: Mapping[str, tuple[int, ...]],
    ) -> tuple[MdevOffer, ...] | None:
        """`left` is what each offer still gives, `sizes` what is chosen so far of each shared card."""
        if not groups:
            return ()
        states = self._states(left, used, sizes)
        state = len(groups), tuple(sorted(states.values()))
        if state in self.dead_ends:
            return None
        group, *rest = groups
        for offer in self._different(group, left, used, states):
            more = sizes
            if offer.size:
                more = {**sizes, offer.card: (*sizes.get(offer.card, ()), *[offer.size] * group.count)}
                if fit(self.cards[offer.card], more[offer.card]) is None:
                    continue
            found = self.assign(rest, self._less(offer, group, left), self._used(offer, group, used), more)
            if found is not None:
                return (offer, *found)
        self.dead_ends.add(state)
        return None

    def _less(self, offer: MdevOffer, group: ResourceRequest, left: Mapping[_Key, int]) -> Mapping[_Key, int]:
        """A parent that gives one instance gives none of another type any more."""
        now = {**left, _key(offer): left[_key(offer)] - group.count}
        if offer.single:
            now |= {_key(each): 0 for each in self.offers if each.device_id == offer.device_id}
        return now

    def _used(self, offer: MdevOffer, group: ResourceRequest, used: frozenset[DeviceId]) -> frozenset[DeviceId]:
        return used | {offer.device_id} if group.suffix else used

    def _states(
        self, left: Mapping[_Key, int], used: frozenset[DeviceId], sizes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, tuple[object, ...]]:
        """What is left of each card, in which cards of equal worth are equal; a parent that shares none stands alone."""
        parents: dict[str, dict[DeviceId, list[tuple[str, int]]]] = {}
        for offer in self.offers:
            of_device = parents.setdefault(_room(offer), {}).setdefault(offer.device_id, [])
            of_device.append((offer.resource_class, left[_key(offer)]))
        found: dict[str, tuple[object, ...]] = {}
        for room, each in parents.items():
            content = sorted((tuple(sorted(types)), device_id in used) for device_id, types in each.items())
            card = self.cards.get(room)
            shape = (card.model, card.mode, repr(card.held), card.limits) if card else ()
            found[room] = (shape, tuple(sorted(sizes.get(room, ()))), tuple(content))
        return found

    def _different(
        self,
        group: ResourceRequest,
        left: Mapping[_Key, int],
        used: frozenset[DeviceId],
        states: Mapping[str, tuple[object, ...]],
    ) -> Iterator[MdevOffer]:
        """The offers that can serve a group, of equal ones the first: the others would lead to nothing else."""
        isolated = self.rule is GroupRule.ISOLATE and bool(group.suffix)
        seen = set()
        for offer in sorted(self.offers, key=lambda offer: self._rank(offer, left)):
            serves = offer.resource_class == group.resource_class and left[_key(offer)] >= group.count
            if not serves or (isolated and offer.device_id in used):
                continue
            classes = tuple(
                sorted((each.type_id, left[_key(each)]) for each in self.offers if each.device_id == offer.device_id)
            )
            alike = (states[_room(offer)], classes, offer.device_id in used, self._is_far(offer))
            if alike not in seen:
                seen.add(alike)
                yield offer

    def _rank(self, offer: MdevOffer, left: Mapping[_Key, int]) -> tuple[bool, int, int, str, str]:
        """Near ones first, then the fullest card, then the fullest parent."""
        card = self.cards.get(offer.card)
        full = sum(each.size for each in card.held) if card else 0
        return self._is_far(offer), -full, left[_key(offer)], offer.card, offer.parent

    def _is_far(self, offer: MdevOffer) -> bool:
        return bool(self.cells) and offer.numa_node not in self.cells


def _places(cards: tuple[SharedCard, ...], assigned: _Assignment) -> dict[str, Iterator[Vgpu]]:
    """Where the vGPUs of an assignment lie on each card, in the assignment's order."""
    found = {}
    for card in cards:
        sizes = [offer.size for group, offer in assigned if offer.card == card.name for _ in range(group.count)]
        found[card.name] = iter(fit(card, sizes) or ())
    return found


def _key(offer: MdevOffer) -> _Key:
    return offer.device_id, offer.type_id


def _room(offer: MdevOffer) -> str:
    return offer.card or offer.parent


def _claimed(offer: MdevOffer, instance: Instance, resource_class: str) -> ClaimedDevice:
    unit = str(instance)
    return ClaimedDevice(offer.device_id, resource_class, f"{offer.device_id} {unit}", offer.kind, unit)


def _classes(wanted: ResourceRequests) -> list[str]:
    return sorted({group.resource_class for group in wanted.groups})


def _story(host: HostState, wanted: ResourceRequests, resource_class: str) -> str:
    """What of a class a host has, parent by parent, and why its shared cards have no room."""
    offers = sorted((offer for offer in host.mdevs if offer.resource_class == resource_class), key=lambda o: o.parent)
    if not offers:
        return f"no device of it offers {resource_class}"
    count = sum(group.count for group in wanted.groups if group.resource_class == resource_class)
    full = {
        card.name: why_not(card, [size] * count)
        for card in host.cards
        for size in {offer.size for offer in offers if offer.card == card.name}
        if fit(card, [size] * count) is None
    }
    lines = list(dict.fromkeys(full.get(offer.card) or _state(offer) for offer in offers))
    more = [f"{len(lines) - _MOST_PARENTS} more"] if len(lines) > _MOST_PARENTS else []
    return ", ".join([*lines[:_MOST_PARENTS], *more])


def _state(offer: MdevOffer) -> str:
    words = offer.blocked or f"{offer.free} of {offer.total} free"
    return f"{offer.parent} ({offer.type_id}): {words}"
